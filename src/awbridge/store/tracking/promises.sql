-- name: add
INSERT INTO promises (shard, reference_number, stated_at, edd, received_at, source)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6)}}
ON CONFLICT (shard, reference_number, stated_at, edd) DO NOTHING

-- name: of_shipments
SELECT reference_number, stated_at, edd, received_at, source FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN promises
  ON promises.shard = key.shard AND promises.reference_number = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN promises
  ON promises.shard = beside.value AND promises.reference_number = key.value}}

-- name: remove
DELETE FROM promises WHERE shard = $1 AND reference_number = $2
