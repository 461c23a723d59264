-- name: cancelled
-- A fact, from any source: the lease holder, a worker that lost the lease, or tracking. Once.
UPDATE shipments SET state = 'cancelled', cancel_state = 'cancelled', problem = NULL, next_try_at = NULL,
  lease_owner = NULL, lease_ends_at = NULL, cancel_since_at = COALESCE(cancel_since_at, $3), updated_at = $3
WHERE shard = $1 AND reference_number = $2 AND success AND cancel_requested_at IS NOT NULL AND state <> 'cancelled'

-- name: not_cancelled
-- Only the lease's holder may write this. The first call begins the time within which the cancellation must end.
UPDATE shipments SET cancel_state = $4, cancel_tries = $5, problem = $6, next_try_at = $7, lease_owner = NULL,
  lease_ends_at = NULL, cancel_since_at = COALESCE(cancel_since_at, $8), updated_at = $8
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3

-- name: overtaken
-- Tracking shows another end. A worker that is calling ClickPost loses the lease.
UPDATE shipments SET cancel_state = 'overtaken', problem = $3, next_try_at = NULL, lease_owner = NULL,
  lease_ends_at = NULL, updated_at = $4
WHERE shard = $1 AND reference_number = $2 AND success AND cancel_requested_at IS NOT NULL AND state <> 'cancelled'
  AND (cancel_state IS NULL OR cancel_state <> 'overtaken')

-- name: need_a_person
-- Refused or given up, the longest requested first. The first condition is what makes the partial index usable. It has
-- no order over both states: SQLite stops early in each by itself, PostgreSQL is given a page of each.
{{postgres:
(SELECT {{shipments.*}} FROM shipments
WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up')
  AND cancel_state = 'refused' AND (cancel_requested_at, reference_number) > ($1, $2)
ORDER BY cancel_requested_at, reference_number LIMIT $3)
UNION ALL
(SELECT {{shipments.*}} FROM shipments
WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up')
  AND cancel_state = 'gave_up' AND (cancel_requested_at, reference_number) > ($1, $2)
ORDER BY cancel_requested_at, reference_number LIMIT $3)
}}{{sqlite:
SELECT {{shipments.*}} FROM shipments INDEXED BY shipments_cancels
WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up')
  AND cancel_state IN ('refused', 'gave_up') AND (cancel_requested_at, reference_number) > ($1, $2)
}}
ORDER BY cancel_requested_at, reference_number
LIMIT $3

-- name: count_in_need
SELECT COUNT(*) AS shipments FROM shipments {{sqlite: INDEXED BY shipments_cancels}}
WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up')
  AND cancel_state IN ('refused', 'gave_up')
