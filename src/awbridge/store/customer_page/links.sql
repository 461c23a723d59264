-- name: add
-- Many rows: shard, link id, reference number. In key order: two writers that share keys would deadlock otherwise.
INSERT INTO track_links (shard, link_id, reference_number)
{{postgres: SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[])}}
{{sqlite: VALUES ($1, $2, $3)}}
ON CONFLICT (shard, link_id) DO NOTHING

-- name: find
-- Many rows: shard, link id.
{{postgres:
SELECT link_id, reference_number FROM unnest($1::smallint[], $2::bigint[]) AS key (shard, id)
JOIN track_links ON track_links.shard = key.shard AND track_links.link_id = key.id}}
{{sqlite:
WITH key (shard, id) AS NOT MATERIALIZED (VALUES ($1, $2))
SELECT link_id, reference_number FROM key
CROSS JOIN track_links ON track_links.shard = key.shard AND track_links.link_id = key.id}}

-- name: lock
-- Many rows: reference number, shard. In key order, so that two writers never hold what the other waits for.
{{keys}}
SELECT shipments.reference_number, link_generation, erased_at
FROM key {{sqlite: CROSS}} JOIN shipments ON shipments.shard = key.shard AND shipments.reference_number = key.value
ORDER BY shipments.shard, shipments.reference_number
{{postgres: FOR UPDATE OF shipments}}

-- name: drop
DELETE FROM track_links WHERE shard = $1 AND link_id = $2

-- name: set_generation
UPDATE shipments SET link_generation = $3
WHERE shard = $1 AND reference_number = $2 AND erased_at IS NULL

-- name: progress
SELECT until_at, reference_number FROM track_link_progress WHERE id = $1

-- name: set_progress
INSERT INTO track_link_progress (id, until_at, reference_number) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET until_at = excluded.until_at, reference_number = excluded.reference_number
WHERE (track_link_progress.until_at, track_link_progress.reference_number) < (excluded.until_at, excluded.reference_number)

-- name: stored_after
SELECT reference_number, created_at, link_generation FROM shipments
WHERE (created_at, reference_number) > ($1, $2) AND created_at < $3
ORDER BY created_at, reference_number LIMIT $4
