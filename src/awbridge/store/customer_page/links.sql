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
{{sqlite: SELECT link_id, reference_number FROM track_links WHERE shard = $1 AND link_id = $2}}
