-- name: add
-- The caller sorts by key. A copy of a delivery adds no row. Only identity may conflict: a conflict of ids must fail, not
-- lose a delivery.
INSERT INTO inbox (shard, id, identity, source, body, received_at, due_at, tries, problem)
{{postgres:
SELECT shard, id, identity, source, body, received_at, CASE WHEN problem IS NULL THEN received_at END, 0, problem
FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[], $7::text[])
  AS row (shard, id, identity, source, body, received_at, problem)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 IS NULL THEN $6 END, 0, $7)}}
ON CONFLICT (shard, identity) DO NOTHING

-- name: claim
-- Applying makes no calls, so the transaction itself is the lease: a killed process releases it at once.
SELECT shard, id, identity, source, body, received_at, tries, applied_at FROM inbox
WHERE due_at <= $1
ORDER BY due_at, id
LIMIT $2
{{postgres: FOR UPDATE SKIP LOCKED}}

-- name: applied
-- Many rows in one statement: shard, id, now, problem, shipments_updated.
{{sqlite: WITH row (shard, id, now, problem, shipments_updated) AS (VALUES ($1, $2, $3, $4, $5))}}
UPDATE inbox SET due_at = NULL, waiting_for = NULL, applied_at = row.now, problem = row.problem, shipments_updated = row.shipments_updated
FROM {{sqlite: row}}{{postgres:
  unnest($1::smallint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::smallint[])
  AS row (shard, id, now, problem, shipments_updated)}}
WHERE inbox.shard = row.shard AND inbox.id = row.id

-- name: wait
UPDATE inbox SET due_at = $3, waiting_for = $4, problem = $5, applied_at = NULL, tries = tries + 1
WHERE shard = $1 AND id = $2

-- name: waited_for
-- Many rows: key. Returns the keys that any delivery waits for.
{{postgres: SELECT key AS waiting_for FROM unnest($1::text[]) AS key
WHERE EXISTS (SELECT 1 FROM inbox WHERE waiting_for = key)}}
{{sqlite: SELECT waiting_for FROM inbox WHERE waiting_for = $1 LIMIT 1}}

-- name: apply_again
-- The updates of a shipment received since then. Rows that another process is applying are skipped, as in wake.
UPDATE inbox SET due_at = $4
WHERE (shard, id) IN (
  SELECT inbox.shard, inbox.id FROM update_sources
  JOIN inbox ON inbox.shard = update_sources.delivery_shard AND inbox.id = update_sources.delivery_id
  WHERE update_sources.shard = $1 AND update_sources.reference_number = $2 AND inbox.received_at >= $3 AND inbox.due_at IS NULL
  {{postgres: FOR UPDATE OF inbox SKIP LOCKED}}
)

-- name: dead_lettered
UPDATE inbox SET due_at = NULL, waiting_for = NULL, problem = $3, tries = tries + 1, shipments_updated = 0 WHERE shard = $1 AND id = $2

-- name: wake
-- Rows that another process is applying are skipped: they are retried on their own, and waiting for them while holding a
-- shipment could deadlock.
UPDATE inbox SET due_at = $2
WHERE (shard, id) IN (
  SELECT shard, id FROM inbox
  WHERE waiting_for {{postgres: = ANY($1::text[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}
  {{postgres: FOR UPDATE SKIP LOCKED}}
)

-- name: replay
-- All dead-lettered deliveries become due again (after a fix).
UPDATE inbox SET due_at = $1, problem = NULL WHERE problem IS NOT NULL AND applied_at IS NULL AND identity NOT LIKE 'raw:%'
  AND ($2 = '' OR problem = $2 OR problem LIKE $2 || ': %')

-- name: replay_one
UPDATE inbox SET due_at = $1, problem = NULL
WHERE id = $2 AND problem IS NOT NULL AND applied_at IS NULL AND identity NOT LIKE 'raw:%'

-- name: apply_uncounted
-- Deliveries applied by a version without update_sources become due again. Applying them once more only records which
-- shipments they updated.
WITH chosen AS MATERIALIZED (
  SELECT shard, id FROM inbox
  WHERE applied_at IS NOT NULL AND shipments_updated IS NULL AND due_at IS NULL
  ORDER BY id
  LIMIT $2
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE inbox SET due_at = $1
WHERE (shard, id) IN (SELECT shard, id FROM chosen)

-- name: problems
SELECT id, source, identity, body, received_at, problem, CASE WHEN waiting_for IS NOT NULL THEN due_at END AS next_try_at
FROM inbox
WHERE problem IS NOT NULL AND applied_at IS NULL AND id < $2 AND ($3 = '' OR problem = $3 OR problem LIKE $3 || ': %')
ORDER BY id DESC LIMIT $1

-- name: problem_groups
-- Of the newest: counting all would take as long as there are many.
SELECT reason, COUNT(*) AS deliveries, MAX(received_at) AS last_at FROM (
  SELECT received_at, {{postgres: split_part(problem, ': ', 1)}}{{sqlite:
    CASE WHEN instr(problem, ': ') > 0 THEN substr(problem, 1, instr(problem, ': ') - 1) ELSE problem END}} AS reason
  FROM inbox WHERE problem IS NOT NULL AND applied_at IS NULL ORDER BY id DESC LIMIT $1
) newest GROUP BY reason ORDER BY COUNT(*) DESC, reason

-- name: counts
SELECT COUNT(*) AS total,
  COUNT(applied_at) AS applied,
  COUNT(waiting_for) AS waiting,
  COUNT(CASE WHEN due_at IS NOT NULL AND waiting_for IS NULL THEN 1 END) AS due,
  COUNT(CASE WHEN problem IS NOT NULL AND waiting_for IS NOT NULL THEN 1 END) AS ambiguous,
  COUNT(CASE WHEN problem IS NOT NULL AND applied_at IS NULL AND waiting_for IS NULL AND identity NOT LIKE 'raw:%'
    THEN 1 END) AS dead_lettered,
  COUNT(CASE WHEN identity LIKE 'raw:%' THEN 1 END) AS not_json
FROM inbox

-- name: find
SELECT received_at FROM inbox WHERE shard = $1 AND identity = $2

-- name: ids
-- Many rows: shard, identity.
SELECT inbox.id FROM inbox
{{postgres: JOIN unnest($1::smallint[], $2::text[]) AS row (shard, identity) USING (shard, identity)}}
{{sqlite: WHERE shard = $1 AND identity = $2}}

-- name: settle
-- A test delivery needs no shipment.
UPDATE inbox SET due_at = NULL, waiting_for = NULL, applied_at = $3, shipments_updated = 0 WHERE shard = $1 AND identity = $2

-- name: longest_due
-- Deliveries that wait for their shipment are due too, but mostly later.
SELECT MIN(due_at) AS due_at FROM inbox WHERE due_at <= $1 AND waiting_for IS NULL
