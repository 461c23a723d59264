-- fragment: columns
reference_number, order_id, delivery_type, courier_partner_id, state, payload, packed_payload, placed_at, waybill, children, status_code,
  status_at, status_bucket, final, edd, ndr_code, created_at, replaces, replaced_by, cancel_requested_at, phone_tail,
  ndr_at

-- name: parcels
-- Many rows: reference number, shard. Each shipment with what its page shows: its newest 200 scans without the remarks of
-- couriers, the stated days of delivery, whether its order has another shipment. All in one row of JSON: on SQLite each row
-- hands over Python's lock, and has to win it back from the pages that are being made.
{{keys}}
SELECT {{all}}({{array}}(
  shipments.reference_number, order_id, delivery_type, courier_partner_id, state, payload, {{hex}}, placed_at, waybill,
  children, status_code, status_at, status_bucket, final, edd, ndr_code, created_at, replaces, replaced_by,
  cancel_requested_at, phone_tail, ndr_at,
  {{sqlite: json}}((SELECT {{all}}({{array}}({{scan}})) FROM (
    SELECT {{scan}} FROM scans
    WHERE scans.shard = shipments.shard AND scans.reference_number = shipments.reference_number
    ORDER BY scanned_at DESC, scans.id DESC LIMIT 200) newest)),
  {{sqlite: json}}((SELECT {{all}}({{array}}(edd, stated_at, received_at, source)) FROM promises
    WHERE promises.shard = shipments.shard AND promises.reference_number = shipments.reference_number)),
  EXISTS (SELECT 1 FROM shipments other
    WHERE other.order_id = shipments.order_id AND other.reference_number <> shipments.reference_number)
)){{postgres: ::text}} AS found
FROM key {{sqlite: CROSS}} JOIN shipments
  ON shipments.shard = key.shard AND shipments.reference_number = key.value

-- fragment: all
{{postgres: json_agg}}{{sqlite: json_group_array}}

-- fragment: array
{{postgres: json_build_array}}{{sqlite: json_array}}

-- fragment: hex
{{postgres: encode(packed_payload, 'hex')}}{{sqlite: hex(packed_payload)}}

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
waybill, status_code, location, ndr_code, scanned_at, received_at, return_event, edd, source

-- name: promised
-- Many rows: reference number, shard. Every stated day of delivery, as store/tracking/promises.sql reads it, in one row:
-- for those whose scans are not all read.
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
