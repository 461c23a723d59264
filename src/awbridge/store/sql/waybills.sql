-- name: add
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at, label_url, sort_code,
  security_key)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
  $8::text[], $9::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)}}
ON CONFLICT (shard, waybill, courier_partner_id) DO NOTHING

-- name: find
SELECT waybill, courier_partner_id, reference_number, kind, label_url, sort_code, security_key FROM waybills
WHERE waybill {{postgres: = ANY($1::text[]) AND shard = ANY($2::smallint[])}}
  {{sqlite: IN (SELECT value FROM json_each($1)) AND shard IN (SELECT value FROM json_each($2))}}

