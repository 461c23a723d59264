-- name: add
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at, label_url, sort_code,
  security_key)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
  $8::text[], $9::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)}}
ON CONFLICT (shard, waybill, courier_partner_id) DO NOTHING

-- name: shared
-- Many rows, after add: shard, waybill, courier, reference number. Who else has the same number, at any courier.
SELECT row.waybill, row.courier_partner_id, row.reference_number, other.courier_partner_id AS other_courier_partner_id,
  other.reference_number AS other_reference_number
FROM {{postgres: unnest($1::smallint[], $2::text[], $3::integer[], $4::text[])
  AS row (shard, waybill, courier_partner_id, reference_number)}}{{sqlite:
  (SELECT $1 AS shard, $2 AS waybill, $3 AS courier_partner_id, $4 AS reference_number) AS row}}
JOIN waybills other ON other.shard = row.shard AND other.waybill = row.waybill
  AND other.reference_number <> row.reference_number

-- name: add_use
-- Many rows, of waybills that are another shipment's. Of one number only so many uses are kept ($11): what reads them
-- must not grow with them.
INSERT INTO reused_waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at, label_url, sort_code,
  security_key, since_at)
SELECT row.shard, row.waybill, row.courier_partner_id, row.reference_number, row.kind, row.created_at, row.label_url,
  row.sort_code, row.security_key, row.since_at
FROM {{postgres: unnest($1::smallint[], $2::text[], $3::integer[], $4::text[], $5::text[],
  $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::integer[])
  AS row (shard, waybill, courier_partner_id, reference_number, kind, created_at, label_url, sort_code, security_key,
    since_at, most)}}{{sqlite: (SELECT $1 AS shard, $2 AS waybill, $3 AS courier_partner_id, $4 AS reference_number,
  $5 AS kind, $6 AS created_at, $7 AS label_url, $8 AS sort_code, $9 AS security_key, $10 AS since_at, $11 AS most) AS row}}
WHERE (SELECT COUNT(*) FROM reused_waybills used WHERE used.shard = row.shard AND used.waybill = row.waybill
  AND used.courier_partner_id = row.courier_partner_id) < row.most
ON CONFLICT (shard, waybill, courier_partner_id, reference_number) DO NOTHING

-- name: find
-- Many rows: waybill, shard.
{{keys}}
SELECT waybill, courier_partner_id, reference_number, kind, label_url, sort_code, security_key, NULL AS since_at
FROM key {{sqlite: CROSS}} JOIN waybills ON waybills.shard = key.shard AND waybills.waybill = key.value
UNION ALL
SELECT waybill, courier_partner_id, reference_number, kind, label_url, sort_code, security_key, since_at
FROM key {{sqlite: CROSS}} JOIN reused_waybills ON reused_waybills.shard = key.shard AND reused_waybills.waybill = key.value

-- name: uses
-- Many rows: waybill, shard. Only whose they are, for apply, which asks about each delivery.
{{keys}}
SELECT waybill, courier_partner_id, reference_number, NULL AS since_at
FROM key {{sqlite: CROSS}} JOIN waybills ON waybills.shard = key.shard AND waybills.waybill = key.value
UNION ALL
SELECT waybill, courier_partner_id, reference_number, since_at
FROM key {{sqlite: CROSS}} JOIN reused_waybills ON reused_waybills.shard = key.shard AND reused_waybills.waybill = key.value

-- name: of_shipments
SELECT waybill, courier_partner_id, reference_number, kind, label_url, sort_code, security_key, NULL AS since_at
FROM waybills WHERE reference_number {{in $1::text[]}}
UNION ALL
SELECT waybill, courier_partner_id, reference_number, kind, label_url, sort_code, security_key, since_at
FROM reused_waybills WHERE reference_number {{in $1::text[]}}
ORDER BY reference_number, waybill, courier_partner_id

-- name: reused_by
SELECT reference_number, waybill, since_at FROM reused_waybills
WHERE reference_number {{postgres: = ANY($1::text[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}

-- name: count_reused
SELECT COUNT(*) AS uses FROM reused_waybills WHERE created_at > $1
