-- name: any_unfiled
SELECT id FROM attempts WHERE archive_file IS NULL ORDER BY id LIMIT 1

-- name: unfiled
-- Per row, not by a high-water mark: a transaction that began earlier may commit later, and its row must not be missed.
SELECT shard, id, made_at, http_status, business_status, outcome, LENGTH(request) + LENGTH(response) AS size,
  COALESCE(LENGTH(packed_call), 0) AS packed_size, SUBSTR(packed_call, 1, 18) AS packed_head
FROM attempts WHERE archive_file IS NULL ORDER BY id LIMIT $1
{{postgres: FOR UPDATE SKIP LOCKED}}

-- name: file
{{sqlite: WITH row (shard, id, file) AS (VALUES ($1, $2, $3))}}
UPDATE attempts SET archive_file = row.file
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS row (shard, id, file)}}
WHERE attempts.shard = row.shard AND attempts.id = row.id

-- name: reexamine
-- What was left out because it did not fail gets its turn, now that all calls are wanted.
WITH chosen AS MATERIALIZED (
  SELECT shard, id FROM attempts WHERE shard = $1 AND archive_file = 0 LIMIT $2
)
UPDATE attempts SET archive_file = NULL
WHERE (shard, id) IN (SELECT shard, id FROM chosen)

-- name: add
INSERT INTO archive_files (id, object_key, calls, tries, next_try_at, created_at) VALUES ($1, $2, $3, 0, $4, $4)

-- name: claim
WITH chosen AS MATERIALIZED (
  SELECT id FROM archive_files WHERE archived_at IS NULL AND next_try_at <= $1
  ORDER BY next_try_at LIMIT 1
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE archive_files SET next_try_at = $2, tries = tries + 1
WHERE id IN (SELECT id FROM chosen)
RETURNING {{archive_files.*}}

-- name: archived
UPDATE archive_files SET archived_at = $2, calls = $3, bytes = $4, sha256 = $5, next_try_at = NULL, tries = 0,
  problem = NULL, emptied_at = NULL
WHERE id = $1

-- name: failed
UPDATE archive_files SET next_try_at = $2, problem = $3 WHERE id = $1 AND archived_at IS NULL

-- name: page
SELECT {{archive_files.*}} FROM archive_files WHERE id > $1 ORDER BY id LIMIT $2

-- name: emptied
UPDATE archive_files SET emptied_at = $2 WHERE id = $1

-- name: reopen
-- Only what can be made again: retention may have taken the calls of an emptied file since.
UPDATE archive_files SET archived_at = NULL, emptied_at = NULL, next_try_at = $2, tries = 0, problem = NULL
WHERE id = $1 AND EXISTS (SELECT 1 FROM attempts WHERE archive_file = $1 AND archive_file > 0)

-- name: rewritten
UPDATE archive_files SET bytes = $2, sha256 = $3 WHERE id = $1

-- name: failing_since
SELECT COUNT(*) AS files, COALESCE(MAX(problem), '') AS problem, MIN(next_try_at) AS next_try_at
FROM archive_files WHERE archived_at IS NULL AND problem IS NOT NULL AND created_at <= $1

-- name: counts
SELECT COUNT(*) AS files,
  COUNT(CASE WHEN archived_at IS NOT NULL AND emptied_at IS NULL THEN 1 END) AS archived,
  COUNT(CASE WHEN archived_at IS NULL THEN 1 END) AS open,
  COUNT(CASE WHEN emptied_at IS NOT NULL THEN 1 END) AS emptied,
  COALESCE(SUM(CASE WHEN archived_at IS NOT NULL AND emptied_at IS NULL THEN calls END), 0) AS calls,
  CAST(COALESCE(SUM(CASE WHEN archived_at IS NOT NULL AND emptied_at IS NULL THEN bytes END), 0) AS BIGINT) AS bytes
FROM archive_files

-- name: waiting
-- Ids grow with time: the first is the oldest. Both out of the index of those that wait.
SELECT (SELECT COUNT(*) FROM attempts WHERE archive_file IS NULL) AS calls,
  (SELECT made_at FROM attempts WHERE archive_file IS NULL ORDER BY id LIMIT 1) AS oldest_at

-- name: last_problem
-- The one that is tried next; while it is being tried, that is when its lease ends.
SELECT problem, tries, next_try_at FROM archive_files WHERE archived_at IS NULL AND problem IS NOT NULL
ORDER BY next_try_at, id LIMIT 1
