-- name: add
INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries)
{{postgres: SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::smallint[], $5::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5)}}
ON CONFLICT (shard, reference_number, delivery_id) DO NOTHING

-- name: of_shipments
-- Many rows: reference number, shard. Their own rows, and those that are stored with a scan. In the order in which they came.
{{keys}}
SELECT update_sources.reference_number AS reference_number, inbox.shard AS shard, inbox.id AS id, inbox.identity AS identity,
  inbox.source AS source, inbox.body AS body, inbox.received_at AS received_at, inbox.tries AS tries, update_sources.entries AS entries
FROM key {{sqlite: CROSS}} JOIN update_sources
  ON update_sources.shard = key.shard AND update_sources.reference_number = key.value
{{sqlite: CROSS}} JOIN inbox ON inbox.shard = update_sources.delivery_shard AND inbox.id = update_sources.delivery_id
UNION ALL
SELECT scans.reference_number, inbox.shard, inbox.id, inbox.identity, inbox.source, inbox.body, inbox.received_at,
  inbox.tries, '0'
FROM key {{sqlite: CROSS}} JOIN scans ON scans.shard = key.shard AND scans.reference_number = key.value
{{sqlite: CROSS}} JOIN inbox ON inbox.shard = scans.delivery_shard AND inbox.id = scans.delivery_id
WHERE scans.delivery_id IS NOT NULL
ORDER BY received_at, id

-- name: copies
-- Many rows: reference number, shard. The deliveries that are stored with scans which they repeated.
{{keys}}
SELECT reference_number, copies FROM key
{{sqlite: CROSS}} JOIN scans ON scans.shard = key.shard AND scans.reference_number = key.value
WHERE copies IS NOT NULL
ORDER BY scans.id

-- name: deliveries
-- Many rows: shard, id.
SELECT inbox.shard, inbox.id, identity, source, body, received_at, tries FROM inbox
{{postgres: JOIN unnest($1::smallint[], $2::bigint[]) AS row (shard, id) ON inbox.shard = row.shard AND inbox.id = row.id}}
{{sqlite: WHERE shard = $1 AND id = $2}}

-- name: copies_taken_out
-- After they were added as rows of their own.
UPDATE scans SET copies = NULL WHERE shard = $1 AND reference_number = $2 AND copies IS NOT NULL

-- name: take_out
-- Those of a shipment that are stored with its scans, received since then: as rows of their own.
INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries)
SELECT shard, reference_number, delivery_id, delivery_shard, '0' FROM scans
WHERE shard = $1 AND reference_number = $2 AND received_at >= $3 AND delivery_id IS NOT NULL
ON CONFLICT (shard, reference_number, delivery_id) DO NOTHING

-- name: taken_out
-- After take_out.
UPDATE scans SET delivery_id = NULL, delivery_shard = NULL
WHERE shard = $1 AND reference_number = $2 AND received_at >= $3 AND delivery_id IS NOT NULL

-- name: of_deliveries
-- Those that are due once more have rows of their own: take_out ran when they became due.
SELECT delivery_id, reference_number FROM update_sources
WHERE delivery_id {{postgres: = ANY($1::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}

-- name: withdraw
DELETE FROM update_sources
WHERE delivery_id {{postgres: = ANY($1::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}
