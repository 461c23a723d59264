-- name: add
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at, label_url, sort_code,
  security_key)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
  $8::text[], $9::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)}}
ON CONFLICT (shard, waybill, courier_partner_id) DO NOTHING

-- name: find
SELECT waybill, courier_partner_id, reference_number, kind, label_url, sort_code, security_key FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN waybills
  ON waybills.shard = key.shard AND waybills.waybill = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN waybills
  ON waybills.shard = beside.value AND waybills.waybill = key.value}}

-- name: of_shipments
SELECT waybill, courier_partner_id, reference_number, kind FROM waybills
WHERE reference_number {{postgres: = ANY($1::text[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}
ORDER BY reference_number, waybill, courier_partner_id
