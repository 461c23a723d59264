-- name: to_mark
-- Open parcels for which the shortest limit has passed, locked. What another process looks at, or apply writes, is skipped.
SELECT {{shipments.*}} FROM shipments {{sqlite: INDEXED BY shipments_to_mark}}
WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL AND COALESCE(counted_from_at, placed_at) <= $1
ORDER BY COALESCE(counted_from_at, placed_at)
LIMIT $2
{{postgres: FOR UPDATE SKIP LOCKED}}

-- name: missed
-- Those that are stuck ($1 to $4 as in lists.sql) although their time has not come: it has where $5 is not before it. Reads all that are open: the
-- order keeps PostgreSQL from reading the others too.
SELECT reference_number FROM shipments {{sqlite: INDEXED BY shipments_to_mark}}
WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL
  AND COALESCE(status_at, placed_at) <= CASE COALESCE(status_bucket, 1)
    WHEN 1 THEN $1{{postgres: ::timestamptz}} WHEN 4 THEN $3 WHEN 5 THEN $3 WHEN 7 THEN $4 ELSE $2 END
  AND COALESCE(counted_from_at, placed_at) > $5
ORDER BY COALESCE(counted_from_at, placed_at)
LIMIT $6

-- name: no_longer
-- Those that are marked although no limit ($1 to $4 as in lists.sql) has passed.
SELECT reference_number FROM shipments {{sqlite: INDEXED BY shipments_stuck}}
WHERE stuck_since_at IS NOT NULL AND state = 'placed' AND NOT final
  AND stuck_since_at > CASE COALESCE(status_bucket, 1)
    WHEN 1 THEN $1{{postgres: ::timestamptz}} WHEN 4 THEN $3 WHEN 5 THEN $3 WHEN 7 THEN $4 ELSE $2 END
ORDER BY stuck_since_at DESC, reference_number DESC
LIMIT $5

-- name: mark
-- Many rows in one statement.
{{sqlite: WITH row (shard, reference_number, stuck_since_at, counted_from_at) AS (VALUES ($1, $2, $3, $4))}}
UPDATE shipments SET stuck_since_at = row.stuck_since_at, counted_from_at = row.counted_from_at
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
  AS row (shard, reference_number, stuck_since_at, counted_from_at)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number
