-- name: orders
-- Of the newest placed orders: how many needed retries, and the most that one needed.
SELECT COUNT(*) AS orders, COUNT(CASE WHEN no_of_retries > 0 THEN 1 END) AS retried,
  COALESCE(MAX(no_of_retries), 0) AS most FROM (
    SELECT no_of_retries FROM shipments {{sqlite: INDEXED BY shipments_placed}}
    WHERE placed_at IS NOT NULL AND placed_at >= $1 ORDER BY placed_at DESC LIMIT $2) newest

-- name: gave_up
-- And those of them that were given up before the third retry.
SELECT COUNT(*) AS orders, COUNT(CASE WHEN no_of_retries < 3 THEN 1 END) AS early FROM (
  SELECT no_of_retries FROM shipments {{sqlite: INDEXED BY shipments_by_state}} WHERE state = 'gave_up' LIMIT $1) given_up

-- name: oldest_unplaced
-- By state, from the index alone.
SELECT MIN(created_at) AS created_at FROM (
  SELECT MIN(created_at) AS created_at FROM shipments WHERE state = 'ready'
  UNION ALL SELECT MIN(created_at) FROM shipments WHERE state = 'retrying'
  UNION ALL SELECT MIN(created_at) FROM shipments WHERE state = 'waiting'
  UNION ALL SELECT MIN(created_at) FROM shipments WHERE state = 'held'
  UNION ALL SELECT MIN(created_at) FROM shipments WHERE state = 'allocating') unplaced

-- name: longest_allocating
SELECT MIN(created_at) AS created_at FROM shipments WHERE state = 'allocating'

-- name: placed_by
-- The newest calls of a week that counted as placed: by which codes, and how many of all create-order calls.
SELECT http_status, business_status, COUNT(*) AS calls FROM (
  SELECT api, outcome, http_status, business_status FROM attempts
  WHERE made_at >= $1 ORDER BY made_at DESC, id DESC LIMIT $2) newest
WHERE api = 'create-order' AND outcome = 'placed'
GROUP BY http_status, business_status ORDER BY calls DESC

-- name: archived
-- The file that was archived last. Ids grow with time; old files are at the other end.
SELECT archived_at, calls, object_key FROM archive_files WHERE id >= $1 AND archived_at IS NOT NULL ORDER BY id DESC LIMIT 1

-- name: oldest_unfiled
SELECT made_at FROM attempts WHERE archive_file IS NULL ORDER BY id LIMIT 1

-- name: report
SELECT id, day, destination, shipments, calls, mailed_at, created_at FROM reports
WHERE kind = 'failures' AND destination = $1 ORDER BY day DESC, id LIMIT 1

-- name: poll_due
SELECT MIN(next_poll_at) AS next_poll_at FROM shipments WHERE next_poll_at IS NOT NULL

-- name: copies
-- Scans of the newest shipments that are there more than once, in everything that tells scans apart.
WITH newest AS MATERIALIZED (
  SELECT shard, reference_number FROM shipments {{sqlite: INDEXED BY shipments_placed}}
  WHERE placed_at IS NOT NULL AND placed_at >= $1 ORDER BY placed_at DESC LIMIT $2)
SELECT COUNT(*) AS copies FROM (
  SELECT 1 AS one FROM newest
  JOIN scans ON scans.shard = newest.shard AND scans.reference_number = newest.reference_number
  GROUP BY scans.shard, scans.reference_number, scans.waybill, scans.scanned_at, scans.status_code, scans.status,
    scans.location, scans.remark, scans.scan_id, scans.checkpoint_id
  HAVING COUNT(*) > 1) twice

-- name: notices
-- The newest messages of a day by state, and those that were suppressed because of an old status.
SELECT state, COUNT(*) AS notices, COUNT(CASE WHEN why LIKE 'the latest status is %' THEN 1 END) AS stale FROM (
  SELECT state, why FROM notices WHERE id >= $1 ORDER BY id DESC LIMIT $2) newest
GROUP BY state

-- name: unique_keys
-- The columns of each unique key of the inbox.
{{postgres: SELECT string_agg(attribute.attname, ',' ORDER BY place.number) AS columns
FROM pg_index key CROSS JOIN LATERAL unnest(key.indkey) WITH ORDINALITY AS place (attribute, number)
JOIN pg_attribute attribute ON attribute.attrelid = key.indrelid AND attribute.attnum = place.attribute
WHERE key.indrelid = to_regclass('inbox') AND key.indisunique AND key.indisvalid
GROUP BY key.indexrelid}}
{{sqlite: SELECT group_concat(name) AS columns FROM (
  SELECT list.name AS key, info.name AS name FROM pragma_index_list('inbox') AS list, pragma_index_info(list.name) AS info
  WHERE list."unique" = 1 ORDER BY list.name, info.seqno) GROUP BY key}}

-- name: durability
-- Whether a commit waits for the disk: 0 where it does not.
{{postgres: SELECT (current_setting('fsync') = 'on')::int AS flushes,
  (current_setting('synchronous_commit') <> 'off')::int AS waits}}
{{sqlite: SELECT (SELECT synchronous FROM pragma_synchronous) >= 2 AS flushes,
  (SELECT journal_mode FROM pragma_journal_mode) <> 'off' AS waits}}

-- name: backup
-- The last finished one, and why the newest failed.
SELECT
  (SELECT started_at FROM runs WHERE job = 'backup' AND finished_at IS NOT NULL AND started_at IS NOT NULL
    AND problem IS NULL ORDER BY due_at DESC LIMIT 1) AS taken_at,
  (SELECT problem FROM runs WHERE job = 'backup' ORDER BY due_at DESC LIMIT 1) AS problem
