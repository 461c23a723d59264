-- name: set_replaces
UPDATE shipments SET replaces = $3 WHERE shard = $1 AND reference_number = $2

-- name: set_replaced_by
UPDATE shipments SET replaced_by = $3, updated_at = $4 WHERE shard = $1 AND reference_number = $2

-- name: hold_back
UPDATE shipments SET waits_for = $3, state = 'held', problem = $4, next_try_at = NULL, updated_at = $5
WHERE shard = $1 AND reference_number = $2 AND sent_at IS NULL

-- name: waiting
SELECT shard, reference_number, waits_for FROM shipments
WHERE waits_for IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3

-- name: release
UPDATE shipments SET waits_for = NULL, updated_at = $3,
  state = CASE WHEN state <> 'held' THEN state WHEN courier_partner_id = 0 THEN 'allocating' ELSE 'ready' END,
  problem = CASE WHEN state = 'held' THEN NULL ELSE problem END,
  next_try_at = CASE WHEN state = 'held' AND courier_partner_id <> 0 THEN $3 ELSE next_try_at END,
  allocate_at = CASE WHEN state = 'held' AND courier_partner_id = 0 THEN $3 ELSE allocate_at END
WHERE shard = $1 AND reference_number = $2 AND waits_for IS NOT NULL

-- name: explain_waiting
UPDATE shipments SET problem = $3, updated_at = $4
WHERE shard = $1 AND reference_number = $2 AND waits_for IS NOT NULL AND state = 'held'
  AND (problem IS NULL OR problem <> $3)

-- name: claim_replaceable
-- Ended, or failed often enough, under a transporter with a fallback, and certainly not placed at ClickPost; not older
-- than the window; not looked at since its last change. The lease keeps push away while the fallback is settled.
WITH chosen AS MATERIALIZED (
  SELECT s.shard, s.reference_number FROM shipments s {{sqlite: INDEXED BY shipments_to_replace}}
  WHERE s.state IN ('rejected', 'gave_up', 'retrying') AND s.updated_at >= $4
    AND (s.state <> 'retrying' OR s.no_of_retries >= $5) AND NOT s.success AND NOT s.maybe_placed
    AND s.cancel_requested_at IS NULL
    AND (s.fallback_at IS NULL OR s.fallback_at <= $3)
    AND (s.fallback_seen_at IS NULL OR s.fallback_seen_at < s.updated_at)
    AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $3)
    AND EXISTS (SELECT 1 FROM courier_accounts c WHERE c.transporter = s.transporter AND c.fallback IS NOT NULL)
  ORDER BY s.updated_at
  LIMIT $6
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING {{shipments.*}}

-- name: free_ended
-- Ended shipments are leased by fallback alone; a lease that ran out was a killed one's.
UPDATE shipments {{sqlite: INDEXED BY shipments_to_replace}} SET lease_owner = NULL, lease_ends_at = NULL
WHERE state IN ('rejected', 'gave_up', 'retrying') AND updated_at >= $2 AND state <> 'retrying' AND lease_ends_at <= $1
RETURNING reference_number

-- name: replace_later
UPDATE shipments SET fallback_at = $4, lease_owner = NULL, lease_ends_at = NULL
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3

-- name: not_replaced
UPDATE shipments SET fallback_at = NULL, fallback_seen_at = updated_at, lease_owner = NULL, lease_ends_at = NULL
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3

-- name: replaced
-- The end of the first one. Nothing is written where anything happened to it since it was claimed.
UPDATE shipments SET state = 'cancelled', replaced_by = $4, problem = $5, next_try_at = NULL, lease_owner = NULL,
  lease_ends_at = NULL, waiting_since_at = NULL, updated_at = $6
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND NOT success AND NOT maybe_placed
  AND cancel_requested_at IS NULL AND state IN ('rejected', 'gave_up', 'retrying')

-- name: placed_though_replaced
SELECT reference_number FROM shipments
WHERE replaced_by IS NOT NULL AND success AND cancel_requested_at IS NULL
LIMIT $1
