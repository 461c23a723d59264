-- name: add
INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries)
{{postgres: SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::smallint[], $5::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5)}}
ON CONFLICT (shard, reference_number, delivery_id) DO NOTHING

-- name: of_shipments
-- Many rows: reference number, shard. In the order in which they came.
{{keys}}
SELECT update_sources.reference_number, inbox.shard, inbox.id, inbox.identity, inbox.source, inbox.body,
  inbox.received_at, inbox.tries, update_sources.entries
FROM key {{sqlite: CROSS}} JOIN update_sources
  ON update_sources.shard = key.shard AND update_sources.reference_number = key.value
{{sqlite: CROSS}} JOIN inbox ON inbox.shard = update_sources.delivery_shard AND inbox.id = update_sources.delivery_id
ORDER BY inbox.received_at, inbox.id

-- name: of_deliveries
SELECT delivery_id, reference_number FROM update_sources
WHERE delivery_id {{postgres: = ANY($1::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}

-- name: withdraw
DELETE FROM update_sources
WHERE delivery_id {{postgres: = ANY($1::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}
