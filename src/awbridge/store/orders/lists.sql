-- fragment: stuck
-- $1 to $4: since when a parcel must be silent that is to be picked up, in transit, to be delivered, on the way back (as
-- domain/tracking/overdue.py says). Marked with a shorter limit than now, it may not be stuck.
FROM shipments {{sqlite: INDEXED BY shipments_stuck}}
WHERE stuck_since_at IS NOT NULL AND state = 'placed' AND NOT final
  AND stuck_since_at <= CASE COALESCE(status_bucket, 1)
    WHEN 1 THEN $1{{postgres: ::timestamptz}} WHEN 4 THEN $3 WHEN 5 THEN $3 WHEN 7 THEN $4 ELSE $2 END

-- name: stuck
-- Open and marked, the longest silent first.
SELECT {{shipments.*}} {{stuck}}
  AND (stuck_since_at, reference_number) > ($5, $6)
ORDER BY stuck_since_at, reference_number
LIMIT $7

-- name: count_stuck
SELECT COUNT(*) AS shipments {{stuck}}

-- name: sla_breached
-- Longest overdue first. SQLite would take the index of states and sort.
SELECT {{shipments.*}} FROM shipments {{sqlite: INDEXED BY shipments_promised}}
WHERE state = 'placed' AND NOT final AND edd_due_at <= $1 AND (edd_due_at, reference_number) > ($2, $3)
ORDER BY edd_due_at, reference_number
LIMIT $4

-- name: in_ndr
-- The delivery that failed longest ago first.
SELECT {{shipments.*}} FROM shipments
WHERE ndr_at IS NOT NULL AND (ndr_at, reference_number) > ($1, $2)
ORDER BY ndr_at, reference_number
LIMIT $3

-- name: piece_exceptions
-- The longest known first.
SELECT {{shipments.*}} FROM shipments
WHERE piece_exception_at IS NOT NULL AND (piece_exception_at, reference_number) > ($1, $2)
ORDER BY piece_exception_at, reference_number
LIMIT $3

-- name: count_piece_exceptions
SELECT COUNT(*) AS shipments FROM shipments WHERE piece_exception_at >= $1

-- name: newest
SELECT {{shipments.*}} FROM shipments
WHERE (created_at, reference_number) < ($1, $2)
ORDER BY created_at DESC, reference_number DESC
LIMIT $3

-- name: newest_in_state
-- Ordered by the state too, which is the same in every row: only the index of states has that order. With an equality
-- PostgreSQL may read the index of all by time instead, to its end where the state is rare.
SELECT {{shipments.*}} FROM shipments
WHERE state >= $1 AND (state, created_at, reference_number) < ($1, $2, $3)
ORDER BY state DESC, created_at DESC, reference_number DESC
LIMIT $4

-- name: newest_of_order
-- By a range, as above.
SELECT {{shipments.*}} FROM shipments {{sqlite: INDEXED BY shipments_by_order}}
WHERE order_id >= $1 AND (order_id, created_at, reference_number) < ($1, $2, $3)
ORDER BY order_id DESC, created_at DESC, reference_number DESC
LIMIT $4

-- name: of_accounts
-- The keys of the newest, for many rows of account, state, (created_at, reference number) before, and how many. By a
-- range, as above. PostgreSQL returns no more over all of them than the most that a row asks for.
{{postgres:
WITH key AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::integer[])
    AS row (account, state, before_at, before, number)
)
SELECT newest.created_at, newest.reference_number
FROM key CROSS JOIN LATERAL (
  SELECT created_at, reference_number FROM shipments
  WHERE shipments.account = key.account AND shipments.state >= key.state
    AND (shipments.state, created_at, reference_number) < (key.state, key.before_at, key.before)
    AND next_try_at IS NOT NULL AND NOT success
  ORDER BY shipments.state DESC, created_at DESC, reference_number DESC
  LIMIT key.number
) newest
ORDER BY newest.created_at DESC, newest.reference_number DESC
LIMIT (SELECT MAX(number) FROM key)}}
{{sqlite:
SELECT created_at, reference_number FROM shipments INDEXED BY shipments_unplaced
WHERE account = $1 AND state >= $2 AND (state, created_at, reference_number) < ($2, $3, $4)
  AND next_try_at IS NOT NULL AND NOT success
ORDER BY state DESC, created_at DESC, reference_number DESC
LIMIT $5}}

-- name: count_by_state
SELECT state, COUNT(*) AS shipments FROM shipments GROUP BY state ORDER BY state

-- name: count_in_state
SELECT COUNT(*) AS shipments FROM shipments WHERE state = $1
