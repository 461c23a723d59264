-- name: add
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (shard, waybill, courier_partner_id) DO NOTHING

-- name: find
SELECT waybill, courier_partner_id, reference_number, kind FROM waybills
WHERE waybill {{postgres: = ANY($1::text[]) AND shard = ANY($2::smallint[])}}
  {{sqlite: IN (SELECT value FROM json_each($1)) AND shard IN (SELECT value FROM json_each($2))}}

