-- fragment: columns
reference_number, order_id, delivery_type, courier_partner_id, state, payload, packed_payload, placed_at, waybill, children, status_code,
  status_at, status_bucket, final, edd, ndr_code, created_at, replaces, replaced_by, cancel_requested_at, phone_tail,
  ndr_at

-- name: shipments
-- Many rows: reference number, shard.
{{keys}}
SELECT {{columns}} FROM key {{sqlite: CROSS}} JOIN shipments
  ON shipments.shard = key.shard AND shipments.reference_number = key.value

-- name: orders_of_several
-- Many rows: order id, the reference number of one of its shipments. Which of these orders have another shipment. LIMIT:
-- PostgreSQL would read an order of many in full.
{{postgres:
SELECT DISTINCT key.id FROM unnest($1::text[], $2::text[]) AS key (id, own)
CROSS JOIN LATERAL (SELECT 1 FROM shipments
  WHERE shipments.order_id = key.id AND shipments.reference_number <> key.own LIMIT 1) other}}
{{sqlite:
WITH key (id, own) AS (VALUES ($1, $2))
SELECT DISTINCT key.id FROM key
WHERE EXISTS (SELECT 1 FROM shipments WHERE shipments.order_id = key.id AND shipments.reference_number <> key.own)}}

-- name: of_orders
-- Many rows: order id, a time, a phone tail (NULL: any), a reference number, how many on each side of the time. The other
-- shipments of an order that were created about then. Strangers may share an order id, as many as there are: a bounded
-- number is looked at.
{{postgres:
SELECT {{columns}} FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::integer[])
  AS key (id, middle_at, tail, own, number)
CROSS JOIN LATERAL (
  (SELECT {{columns}} FROM shipments WHERE order_id = key.id AND created_at >= key.middle_at
    ORDER BY created_at, reference_number LIMIT key.number)
  UNION ALL
  (SELECT {{columns}} FROM shipments WHERE order_id = key.id AND created_at < key.middle_at
    ORDER BY created_at DESC, reference_number DESC LIMIT key.number)
) near
WHERE near.reference_number <> key.own
  AND (key.tail IS NULL OR near.phone_tail IS NULL OR near.phone_tail = key.tail)}}
{{sqlite:
SELECT {{columns}} FROM (
  SELECT {{columns}} FROM (SELECT {{columns}} FROM shipments WHERE order_id = $1 AND created_at >= $2
    ORDER BY created_at, reference_number LIMIT $5)
  UNION ALL
  SELECT {{columns}} FROM (SELECT {{columns}} FROM shipments WHERE order_id = $1 AND created_at < $2
    ORDER BY created_at DESC, reference_number DESC LIMIT $5)
)
WHERE reference_number <> $4 AND ($3 IS NULL OR phone_tail IS NULL OR phone_tail = $3)}}

-- fragment: scan
reference_number, waybill, status_code, location, ndr_code, scanned_at, received_at, return_event

-- name: scans
-- Many rows: reference number, shard. The newest 200 of each shipment, without the remarks of couriers. All in one row of
-- JSON: on SQLite each row hands over Python's lock, and has to win it back from the pages that are being made.
{{keys}}
{{postgres:
SELECT json_agg(json_build_array({{scan}}))::text AS found FROM key CROSS JOIN LATERAL (
  SELECT {{scan}} FROM scans
  WHERE scans.shard = key.shard AND scans.reference_number = key.value
  ORDER BY scanned_at DESC, scans.id DESC LIMIT 200
) newest}}
{{sqlite:
SELECT json_group_array(json_array({{scan}})) AS found
FROM key CROSS JOIN scans ON scans.shard = key.shard AND scans.id IN (
  SELECT newest.id FROM scans newest WHERE newest.shard = key.shard AND newest.reference_number = key.value
  ORDER BY newest.scanned_at DESC, newest.id DESC LIMIT 200)}}

-- name: promised
-- Many rows: reference number, shard. Every stated day of delivery, as store/tracking/promises.sql reads it, in one row.
{{keys}}
SELECT {{postgres: json_agg(json_build_array(number, edd, stated_at, received_at, source))::text}}
  {{sqlite: json_group_array(json_array(number, edd, stated_at, received_at, source))}} AS found
FROM (
  SELECT promises.reference_number AS number, edd, stated_at, received_at, source
  FROM key {{sqlite: CROSS}} JOIN promises ON promises.shard = key.shard AND promises.reference_number = key.value
  UNION ALL
  SELECT scans.reference_number, edd, {{postgres: LEAST}}{{sqlite: MIN}}(scanned_at, received_at), received_at, source
  FROM key {{sqlite: CROSS}} JOIN scans ON scans.shard = key.shard AND scans.reference_number = key.value
  WHERE edd IS NOT NULL
) stated
