-- name: add
-- The caller sorts by key. A copy of a delivery adds no row. Only identity may conflict: a conflict of ids must fail, not
-- lose a delivery. On PostgreSQL the same statement stores the batches: a commit is one round trip. A batch is of 64
-- consecutive ids at most, so that transactions share the oldest deliveries without taking them apart.
{{postgres: WITH row AS MATERIALIZED (
  SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[], $7::text[])
    AS row (shard, id, identity, source, body, received_at, problem)
), batches AS (
  INSERT INTO inbox_batches (first_id, shard, last_id, deliveries, received_at)
  SELECT MIN(id), shard, MAX(id), COUNT(*), MIN(received_at) FROM row WHERE problem IS NULL GROUP BY shard, id / 65536
)}}
INSERT INTO inbox (shard, id, identity, source, body, received_at, tries, problem)
{{postgres: SELECT shard, id, identity, source, body, received_at, 0, problem FROM row}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, 0, $7)}}
ON CONFLICT (shard, identity) DO NOTHING

-- name: add_batches
-- After add, with the same rows; only for SQLite, which writes one table with a statement.
{{sqlite: WITH row (shard, id, identity, source, body, received_at, problem) AS (VALUES ($1, $2, $3, $4, $5, $6, $7))
INSERT INTO inbox_batches (first_id, shard, last_id, deliveries, received_at)
SELECT MIN(id), shard, MAX(id), COUNT(*), MIN(received_at) FROM row WHERE problem IS NULL GROUP BY shard, id / 65536}}

-- name: need_not_last
-- The commit of this transaction waits neither for the disk nor for a standby. Its statements are planned once for each
-- connection, not in each of the first five transactions: to plan one takes as long as to apply three deliveries. Not while
-- there are few scans: such a plan may take the wrong index, and lasts until the table is analysed.
{{postgres: SELECT set_config('synchronous_commit', 'off', TRUE) AS setting, CASE WHEN pg_relation_size('scans') > 524288
  THEN set_config('plan_cache_mode', 'force_generic_plan', TRUE) END AS plans}}
{{sqlite: SELECT 'as it is' AS setting WHERE FALSE}}

-- name: plan_by_values
-- PostgreSQL looks at values and statistics again where it would by itself.
{{postgres: SET LOCAL plan_cache_mode TO DEFAULT}}
{{sqlite: SELECT 'as it is' AS plans WHERE FALSE}}

-- name: claim
-- Those with a due time of their own. Applying makes no calls, so the transaction itself is the lease: a killed process
-- releases it at once. Whether one was applied before is in update_sources too: its row need not say so.
SELECT shard, id, identity, source, body, received_at, tries,
  (applied_at IS NOT NULL OR EXISTS (SELECT 1 FROM update_sources WHERE update_sources.delivery_id = inbox.id)) AS again
FROM inbox
WHERE due_at <= $1
ORDER BY due_at, id
LIMIT $2
{{postgres: FOR UPDATE SKIP LOCKED}}

-- name: claim_batches
-- The oldest. They are deleted in the transaction that applies their deliveries.
WITH chosen AS MATERIALIZED (
  SELECT first_id, shard FROM inbox_batches
  ORDER BY first_id, shard
  LIMIT $1
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
DELETE FROM inbox_batches
WHERE (first_id, shard) IN (SELECT first_id, shard FROM chosen)
RETURNING first_id, shard, last_id, deliveries

-- name: of_batches
-- Many rows: shard, first_id, last_id, the step between two ids of one process. Without those that were settled or
-- dead-lettered meanwhile. LIMIT: PostgreSQL must search each batch in the index, whatever it knows of the table.
{{postgres: SELECT found.shard, found.id, found.identity, found.source, found.body, found.received_at, found.tries
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS batch (shard, first_id, last_id, step)
CROSS JOIN LATERAL (
  SELECT shard, id, identity, source, body, received_at, tries FROM inbox
  WHERE inbox.shard = batch.shard AND inbox.id BETWEEN batch.first_id AND batch.last_id
    AND (inbox.id - batch.first_id) % batch.step = 0
    AND inbox.due_at IS NULL AND inbox.applied_at IS NULL AND inbox.problem IS NULL
  ORDER BY inbox.id LIMIT 100000
) found}}
{{sqlite: WITH batch (shard, first_id, last_id, step) AS (VALUES ($1, $2, $3, $4))
SELECT inbox.shard, inbox.id, inbox.identity, inbox.source, inbox.body, inbox.received_at, inbox.tries
FROM batch CROSS JOIN inbox ON inbox.shard = batch.shard AND inbox.id BETWEEN batch.first_id AND batch.last_id
WHERE (inbox.id - batch.first_id) % batch.step = 0
  AND inbox.due_at IS NULL AND inbox.applied_at IS NULL AND inbox.problem IS NULL}}

-- name: put_back
-- The part of a batch that is not claimed.
INSERT INTO inbox_batches (first_id, shard, last_id, deliveries, received_at) VALUES ($1, $2, $3, $4, $5)

-- name: applied
-- Many rows in one statement: shard, id, now, problem, shipments_updated. Only those that have more to say than that their
-- batch is gone.
{{sqlite: WITH row (shard, id, now, problem, shipments_updated) AS (VALUES ($1, $2, $3, $4, $5))}}
UPDATE inbox SET due_at = NULL, waiting_for = NULL, applied_at = row.now, problem = row.problem, shipments_updated = row.shipments_updated
FROM {{sqlite: row}}{{postgres:
  unnest($1::smallint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::smallint[])
  AS row (shard, id, now, problem, shipments_updated)}}
WHERE inbox.shard = row.shard AND inbox.id = row.id

-- name: wait
-- Not one that was settled since its batch was claimed.
UPDATE inbox SET due_at = $3, waiting_for = $4, problem = $5, applied_at = NULL, tries = tries + 1
WHERE shard = $1 AND id = $2 AND (due_at IS NOT NULL OR applied_at IS NULL)

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
-- $1: the step between two ids of one process.
SELECT total, settled - batched AS applied, waiting, due + batched AS due, ambiguous, dead_lettered, not_json
FROM (
  SELECT COUNT(*) AS total,
    COUNT(CASE WHEN due_at IS NULL AND waiting_for IS NULL AND (problem IS NULL OR applied_at IS NOT NULL) THEN 1 END) AS settled,
    COUNT(waiting_for) AS waiting,
    COUNT(CASE WHEN due_at IS NOT NULL AND waiting_for IS NULL THEN 1 END) AS due,
    COUNT(CASE WHEN problem IS NOT NULL AND waiting_for IS NOT NULL THEN 1 END) AS ambiguous,
    COUNT(CASE WHEN problem IS NOT NULL AND applied_at IS NULL AND waiting_for IS NULL AND identity NOT LIKE 'raw:%'
      THEN 1 END) AS dead_lettered,
    COUNT(CASE WHEN identity LIKE 'raw:%' THEN 1 END) AS not_json
  FROM inbox
) every CROSS JOIN (
  SELECT COUNT(*) AS batched FROM inbox_batches {{sqlite: CROSS}} JOIN inbox
    ON inbox.shard = inbox_batches.shard AND inbox.id BETWEEN inbox_batches.first_id AND inbox_batches.last_id
  WHERE (inbox.id - inbox_batches.first_id) % $1 = 0
    AND inbox.due_at IS NULL AND inbox.applied_at IS NULL AND inbox.problem IS NULL
) due_by_batch

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
SELECT MIN(due_at) AS due_at FROM (
  SELECT MIN(due_at) AS due_at FROM inbox WHERE due_at <= $1 AND waiting_for IS NULL
  UNION ALL
  SELECT received_at AS due_at FROM (SELECT received_at FROM inbox_batches ORDER BY first_id, shard LIMIT 1) oldest
) every
