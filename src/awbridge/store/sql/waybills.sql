-- name: add
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (shard, waybill, courier_partner_id) DO NOTHING

-- name: find
SELECT waybill, courier_partner_id, reference_number, kind FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN waybills
  ON waybills.shard = key.shard AND waybills.waybill = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN waybills
  ON waybills.shard = beside.value AND waybills.waybill = key.value}}

