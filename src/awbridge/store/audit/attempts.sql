-- name: add
INSERT INTO attempts (shard, id, reference_number, api, method, url, request, http_status, business_status, response,
  error, outcome, ms, made_at, payload_version)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::integer[], $9::integer[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::timestamptz[],
  $15::integer[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)}}
ON CONFLICT (shard, id) DO NOTHING

-- name: of_shipment
SELECT id, reference_number, api, method, url, request, http_status, business_status, response, error, outcome, ms,
  made_at, payload_version
FROM attempts WHERE shard = $1 AND reference_number = $2 ORDER BY id
