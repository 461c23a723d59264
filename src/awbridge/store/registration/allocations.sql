-- name: set_allocated_by
UPDATE shipments SET allocated_by = $3 WHERE shard = $1 AND reference_number = $2

-- name: set_allocating
-- It has no courier: push must not see it. The recommendation is requested at once, or when the shipment it waits for
-- is cancelled.
UPDATE shipments SET courier_partner_id = 0, account_code = NULL, account = '', transporter = NULL,
  allocated_by = NULL, next_try_at = NULL, allocate_at = $3, no_of_retries = 0, updated_at = $3,
  state = CASE WHEN waits_for IS NULL THEN 'allocating' ELSE state END,
  problem = CASE WHEN waits_for IS NULL THEN NULL ELSE problem END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND state <> 'cancelled'

-- name: claim_allocating
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number FROM shipments {{sqlite: INDEXED BY shipments_to_allocate}}
  WHERE state = 'allocating' AND allocate_at <= $3 AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY allocate_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING {{shipments.*}}

-- name: allocated
-- Only the lease's holder may write this.
UPDATE shipments SET state = 'ready', transporter = $4, courier_partner_id = $5, account_code = $6, allocated_by = $7,
  account = $9, no_of_retries = 0, problem = NULL, next_try_at = $8, allocate_at = NULL, lease_owner = NULL, lease_ends_at = NULL,
  updated_at = $8
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND state = 'allocating'

-- name: not_allocated
UPDATE shipments SET state = $4, no_of_retries = $5, problem = $6, allocate_at = $7, lease_owner = NULL,
  lease_ends_at = NULL, updated_at = $8
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND state = 'allocating'

-- name: movable
-- What a transporter still has to place. Page by page, in key order.
SELECT {{shipments.*}} FROM shipments
WHERE state IN ('ready', 'waiting', 'retrying', 'held', 'rejected', 'gave_up') AND transporter = $1
  AND (shard, reference_number) > ($2, $3)
ORDER BY shard, reference_number
LIMIT $4
{{postgres: FOR UPDATE}}

-- name: move
-- Only what ClickPost certainly does not hold: never sent, or refused for good. One that waits for another's
-- cancellation keeps waiting.
UPDATE shipments SET transporter = $3, courier_partner_id = $4, account_code = $5, allocated_by = $6, account = $8,
  no_of_retries = 0, updated_at = $7,
  state = CASE WHEN waits_for IS NULL THEN 'ready' ELSE state END,
  problem = CASE WHEN waits_for IS NULL THEN NULL ELSE problem END,
  next_try_at = CASE WHEN waits_for IS NULL THEN $7{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL AND cancel_requested_at IS NULL
  AND (sent_at IS NULL OR (state = 'rejected' AND NOT maybe_placed))
