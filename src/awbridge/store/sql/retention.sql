-- name: attempts_page
SELECT a.id, a.made_at AS noted_at,
  CASE WHEN a.archive_file = 0 OR (f.archived_at IS NOT NULL AND f.emptied_at IS NULL) THEN 1 ELSE 0 END AS settled
FROM attempts a LEFT JOIN archive_files f ON f.id = a.archive_file
WHERE a.shard = $1 AND a.id > $2 ORDER BY a.id LIMIT $3

-- name: attempts_drop
-- Looked at again: the archive may have been emptied since the page was read.
DELETE FROM attempts WHERE shard = $1 AND id {{postgres: = ANY($2::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($2))}}
  AND ($3 = 0 OR archive_file = 0 OR EXISTS (
    SELECT 1 FROM archive_files f
    WHERE f.id = attempts.archive_file AND f.archived_at IS NOT NULL AND f.emptied_at IS NULL))

-- name: inbox_page
-- What waits, or was set aside for a person, is kept however old it is.
SELECT id, received_at AS noted_at, CASE WHEN applied_at IS NOT NULL THEN 1 ELSE 0 END AS settled
FROM inbox WHERE shard = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: inbox_drop
DELETE FROM inbox WHERE shard = $1 AND id {{postgres: = ANY($2::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($2))}}
  AND applied_at IS NOT NULL AND due_at IS NULL AND $3 >= 0

-- name: scans_page
-- Where a shipment on its way stands is folded from its scans: they stay until it has reached its end.
SELECT c.id, c.received_at AS noted_at, CASE WHEN s.final OR s.state = 'cancelled' THEN 1 ELSE 0 END AS settled
FROM scans c JOIN shipments s ON s.shard = c.shard AND s.reference_number = c.reference_number
WHERE c.shard = $1 AND c.id > $2 ORDER BY c.id LIMIT $3

-- name: scans_drop
DELETE FROM scans WHERE shard = $1 AND id {{postgres: = ANY($2::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($2))}}
  AND $3 >= 0

-- name: runs_drop
-- The latest of each job stays: it says from when on the next one is due.
DELETE FROM runs WHERE due_at < $1 AND finished_at IS NOT NULL
  AND due_at < (SELECT MAX(other.due_at) FROM runs other WHERE other.job = runs.job)

-- name: ended_payloads
-- more: it had other payloads, or actions. What is still to be done about it needs its address.
SELECT shard, reference_number, payload, problem, created_at,
  CASE WHEN payload_version > 1 OR EXISTS (
    SELECT 1 FROM actions a WHERE a.shard = shipments.shard AND a.reference_number = shipments.reference_number
  ) THEN 1 ELSE 0 END AS more
FROM shipments WHERE created_at < $1 AND (created_at, reference_number) > ($2, $3) AND erased_at IS NULL
  AND (final OR state = 'cancelled') AND NOT EXISTS (
    SELECT 1 FROM actions a WHERE a.shard = shipments.shard AND a.reference_number = shipments.reference_number
      AND a.next_try_at IS NOT NULL)
ORDER BY created_at, reference_number LIMIT $4

-- name: set_payload
UPDATE shipments SET payload = $3, problem = $4, erased_at = $5 WHERE shard = $1 AND reference_number = $2
