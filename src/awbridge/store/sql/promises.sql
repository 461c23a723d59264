-- name: add
INSERT INTO promises (shard, reference_number, said_at, edd, heard_at, source)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6)}}
ON CONFLICT (shard, reference_number, said_at, edd) DO NOTHING

-- name: of_shipments
SELECT reference_number, said_at, edd, heard_at, source FROM promises
WHERE reference_number {{postgres: = ANY($1::text[]) AND shard = ANY($2::smallint[])}}
  {{sqlite: IN (SELECT value FROM json_each($1)) AND shard IN (SELECT value FROM json_each($2))}}

-- name: remove
DELETE FROM promises WHERE shard = $1 AND reference_number = $2
