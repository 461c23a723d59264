-- name: add
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (shard, waybill, courier_partner_id) DO NOTHING

-- name: find
SELECT waybill, courier_partner_id, reference_number, kind FROM waybills
WHERE waybill {{postgres: = ANY($1::text[]) AND shard = ANY($2::smallint[])}}
  {{sqlite: IN (SELECT value FROM json_each($1)) AND shard IN (SELECT value FROM json_each($2))}}

-- name: of_shipments
SELECT waybill, courier_partner_id, reference_number, kind FROM waybills
WHERE reference_number {{postgres: = ANY($1::text[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}
ORDER BY reference_number, waybill, courier_partner_id
