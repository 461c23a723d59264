-- name: add
INSERT INTO actions (shard, id, kind, reference_number, body, idempotency_key, state, tries, next_try_at, requested_at,
  updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8, $8)
ON CONFLICT (shard, id) DO NOTHING

-- name: get
SELECT {{actions.*}} FROM actions WHERE shard = $1 AND id = $2

-- name: abandon
-- A worker claimed these and never recorded a result: it was killed or lost its lease. What must not be
-- repeated blindly becomes unclear instead of being claimed again.
UPDATE actions SET state = 'unclear', problem = $2, next_try_at = NULL, lease_owner = NULL, lease_ends_at = NULL,
  updated_at = $1
WHERE (shard, id) IN (
  SELECT shard, id FROM actions
  WHERE kind = 'pickup' AND next_try_at <= $1 AND lease_ends_at <= $1
  {{postgres: FOR UPDATE SKIP LOCKED}}
)

-- name: claim
-- Oldest due first, and of one kind about one shipment only the first asked: a later edit must not be undone by the
-- repetition of an earlier one.
WITH chosen AS MATERIALIZED (
  SELECT a.shard, a.id FROM actions a
  WHERE a.next_try_at <= $3 AND (a.lease_ends_at IS NULL OR a.lease_ends_at <= $3)
    AND NOT (a.kind = 'pickup' AND a.lease_owner IS NOT NULL)
    AND NOT EXISTS (
      SELECT 1 FROM actions b
      WHERE b.shard = a.shard AND b.reference_number = a.reference_number AND b.kind = a.kind
        AND b.next_try_at IS NOT NULL AND (b.requested_at, b.id) < (a.requested_at, a.id)
    )
  ORDER BY a.next_try_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE actions SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, id) IN (SELECT shard, id FROM chosen)
RETURNING {{actions.*}}

-- name: done
-- ClickPost did it: a fact, also from a worker that lost its lease.
UPDATE actions SET state = 'done', result = $3, problem = NULL, next_try_at = NULL, lease_owner = NULL,
  lease_ends_at = NULL, done_at = $4, updated_at = $4
WHERE shard = $1 AND id = $2 AND state <> 'done'

-- name: not_done
-- Only the lease holder may write this; another process may know more by now.
UPDATE actions SET state = $4, tries = $5, problem = $6, next_try_at = $7, lease_owner = NULL, lease_ends_at = NULL,
  updated_at = $8
WHERE shard = $1 AND id = $2 AND lease_owner = $3

-- name: open_of_shipments
-- Many rows: reference number, shard. OFFSET 0: for many shipments PostgreSQL would read the whole table and join.
{{keys}}
SELECT {{actions.*}} FROM key
{{postgres: CROSS JOIN LATERAL (
  SELECT {{actions.*}} FROM actions WHERE actions.shard = key.shard AND actions.reference_number = key.value OFFSET 0
) actions}}{{sqlite: CROSS JOIN actions ON actions.shard = key.shard AND actions.reference_number = key.value}}
WHERE actions.state IN ('due', 'waiting', 'refused', 'gave_up', 'unclear')
ORDER BY actions.requested_at, actions.id

-- name: ended
-- By tracking, by the shipment's cancellation or by a person. A worker that is calling ClickPost loses the lease.
UPDATE actions SET state = $3, problem = $4, result = $5, next_try_at = NULL, lease_owner = NULL, lease_ends_at = NULL,
  done_at = $6, updated_at = $7
WHERE shard = $1 AND id = $2 AND state IN ('due', 'waiting', 'refused', 'gave_up', 'unclear')

-- name: try_again
UPDATE actions SET state = 'due', tries = 0, problem = NULL, next_try_at = $3, retried_at = $3, updated_at = $3
WHERE shard = $1 AND id = $2 AND state <> 'done' AND lease_owner IS NULL

-- name: of_shipment
SELECT {{actions.*}} FROM actions WHERE shard = $1 AND reference_number = $2 ORDER BY requested_at, id

-- name: page_of_shipment
-- Ordered by the reference number too, as below.
SELECT {{actions.*}} FROM actions
WHERE shard = $1 AND reference_number <= $2 AND (reference_number, requested_at, id) > ($2, $3, $4)
ORDER BY reference_number, requested_at, id LIMIT $5

-- name: newest
SELECT {{actions.*}} FROM actions
WHERE (requested_at, id) < ($1, $2)
ORDER BY requested_at DESC, id DESC
LIMIT $3

-- name: newest_in_state
-- Ordered by the state too, which is the same in every row: only the index of states has that order.
SELECT {{actions.*}} FROM actions
WHERE state >= $1 AND (state, requested_at, id) < ($1, $2, $3)
ORDER BY state DESC, requested_at DESC, id DESC
LIMIT $4
