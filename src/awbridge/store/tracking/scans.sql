-- name: add
INSERT INTO scans (shard, id, reference_number, fingerprint, scan_id, checkpoint_id, waybill, courier_partner_id,
  status_code, status, remark, location, scanned_at, received_at, source, delivery_id, delivery_shard, edd, ndr_code,
  npr_code, npr_description, description, ndr_description, return_event, copies)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::integer[], $9::integer[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
  $15::text[], $16::bigint[], $17::smallint[], $18::text[], $19::integer[], $20::integer[], $21::text[], $22::text[],
  $23::text[], $24::text[], $25::bytea[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
  $23, $24, $25)}}

-- name: add_plain
-- The same for most scans: no failure, no return, a code of our tables.
INSERT INTO scans (shard, id, reference_number, fingerprint, scan_id, checkpoint_id, waybill, courier_partner_id,
  status_code, status, remark, location, scanned_at, received_at, source, delivery_id, delivery_shard, edd)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::integer[], $9::integer[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
  $15::text[], $16::bigint[], $17::smallint[], $18::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)}}

-- name: entries
-- Many rows: reference number, shard. Timelines, to recognise known scans and to derive the status.
{{keys}}
SELECT scans.id, reference_number, fingerprint, scan_id, checkpoint_id, ndr_code, waybill, courier_partner_id,
  status_code, status, remark, location, scanned_at, received_at, source, npr_code, npr_description, description, ndr_description,
  return_event, copies FROM
key {{sqlite: CROSS}} JOIN scans
  ON scans.shard = key.shard AND scans.reference_number = key.value
ORDER BY received_at, scans.id

-- name: for_matching
-- The same without texts.
{{keys}}
SELECT scans.id, reference_number, fingerprint, scan_id, checkpoint_id, ndr_code, waybill, status_code, scanned_at,
  received_at, source, npr_code, npr_description, copies FROM
key {{sqlite: CROSS}} JOIN scans
  ON scans.shard = key.shard AND scans.reference_number = key.value
ORDER BY received_at, scans.id

-- name: alike
-- Many rows: reference number, shard, scan_id, checkpoint_id, fingerprint, part. The stored entries that may be the same
-- scan as an incoming one: same ids, or same content, if necessary without the location. Two that say the same and carry
-- different ids of one kind are two (Timeline.find). OFFSET 0: the index is searched for each, whatever there is.
{{sqlite: WITH incoming (value, shard, scan_id, checkpoint_id, fingerprint, part) AS (VALUES ($1, $2, $3, $4, $5, $6))}}
SELECT scans.id, reference_number, scans.fingerprint, scans.scan_id, scans.checkpoint_id, ndr_code, waybill, status_code,
  scanned_at, received_at, source, npr_code, npr_description, copies FROM
{{postgres: unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[])
  AS incoming (value, shard, scan_id, checkpoint_id, fingerprint, part) CROSS JOIN LATERAL (
    SELECT {{scans.*}} FROM scans WHERE}}{{sqlite: incoming CROSS JOIN scans ON}}
  scans.shard = incoming.shard AND scans.reference_number = incoming.value AND (scans.scan_id = incoming.scan_id
    OR scans.checkpoint_id = incoming.checkpoint_id
    OR ((scans.scan_id IS NULL OR incoming.scan_id IS NULL) AND (scans.checkpoint_id IS NULL OR incoming.checkpoint_id IS NULL)
      AND ({{postgres: strpos}}{{sqlite: instr}}(scans.fingerprint, incoming.fingerprint) > 0
        OR {{postgres: strpos}}{{sqlite: instr}}(scans.fingerprint, incoming.part) > 0)))
{{postgres: OFFSET 0) scans}}
ORDER BY received_at, scans.id

-- name: learn
-- Many rows in one statement. Entries read for matching carry no texts: "" leaves a text unchanged. The text of an NDR
-- code is stored with its code. No index has a column that changes: PostgreSQL writes the row into its page (HOT).
{{sqlite: WITH row (shard, id, scan_id, checkpoint_id, ndr_code, fingerprint, npr_code, npr_description, location, remark,
  ndr_description, copies) AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12))}}
UPDATE scans SET scan_id = row.scan_id, checkpoint_id = row.checkpoint_id, ndr_code = row.ndr_code,
  fingerprint = row.fingerprint, npr_code = row.npr_code, npr_description = row.npr_description,
  location = CASE WHEN scans.location = '' THEN row.location ELSE scans.location END,
  remark = CASE WHEN scans.remark = '' THEN row.remark ELSE scans.remark END,
  ndr_description = CASE WHEN row.ndr_description = '' AND scans.ndr_code = row.ndr_code THEN scans.ndr_description
    ELSE row.ndr_description END, copies = row.copies
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[],
  $7::integer[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[])
  AS row (shard, id, scan_id, checkpoint_id, ndr_code, fingerprint, npr_code, npr_description, location, remark,
    ndr_description, copies)}}
WHERE scans.shard = row.shard AND scans.id = row.id

-- name: keep_sources
-- Many rows, before remove: shard, id. Their deliveries remain sources of the shipment. By way of WITH, as Citus sends a
-- worker what it cannot read where rows of a table are inserted at once.
{{postgres: WITH kept AS MATERIALIZED (
  SELECT scans.shard, scans.reference_number, delivery_id, delivery_shard
  FROM unnest($1::smallint[], $2::bigint[]) AS row (shard, id) JOIN scans ON scans.shard = row.shard AND scans.id = row.id
  WHERE delivery_id IS NOT NULL
)}}
INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries)
SELECT shard, reference_number, delivery_id, delivery_shard, '0'
FROM {{postgres: kept}}{{sqlite: scans WHERE shard = $1 AND id = $2 AND delivery_id IS NOT NULL}}
ON CONFLICT (shard, reference_number, delivery_id) DO NOTHING

-- name: copies_of
-- Many rows: shard, id.
SELECT scans.shard, reference_number, copies FROM scans
{{postgres: JOIN unnest($1::smallint[], $2::bigint[]) AS row (shard, id) ON scans.shard = row.shard AND scans.id = row.id}}
WHERE {{sqlite: shard = $1 AND id = $2 AND}} copies IS NOT NULL

-- name: keep_copies
-- Many rows, before remove: shard, reference number, delivery. The same for those that repeated a scan.
INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries)
{{postgres: SELECT shard, reference_number, delivery_id, delivery_shard, '0'
FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::smallint[])
  AS row (shard, reference_number, delivery_id, delivery_shard)}}
{{sqlite: VALUES ($1, $2, $3, $4, '0')}}
ON CONFLICT (shard, reference_number, delivery_id) DO NOTHING

-- name: keep_promises
-- Many rows, before remove: shard, id. What their deliveries promised remains a promise. By way of WITH, as above.
{{postgres: WITH kept AS MATERIALIZED (
  SELECT scans.shard, scans.reference_number, scanned_at, edd, received_at, source
  FROM unnest($1::smallint[], $2::bigint[]) AS row (shard, id) JOIN scans ON scans.shard = row.shard AND scans.id = row.id
  WHERE edd IS NOT NULL
)}}
INSERT INTO promises (shard, reference_number, stated_at, edd, received_at, source)
SELECT shard, reference_number, {{postgres: LEAST}}{{sqlite: MIN}}(scanned_at, received_at), edd, received_at, source
FROM {{postgres: kept}}{{sqlite: scans WHERE shard = $1 AND id = $2 AND edd IS NOT NULL}}
ON CONFLICT (shard, reference_number, stated_at, edd) DO NOTHING

-- name: remove
-- Many rows: shard, id.
DELETE FROM scans
{{postgres: USING unnest($1::smallint[], $2::bigint[]) AS row (shard, id) WHERE scans.shard = row.shard AND scans.id = row.id}}
{{sqlite: WHERE shard = $1 AND id = $2}}

-- name: timeline
SELECT waybill, courier_partner_id, status_code, status, remark, location, ndr_code, scanned_at, received_at, source,
  scan_id, checkpoint_id, npr_code, npr_description, description, ndr_description, return_event
FROM scans WHERE shard = $1 AND reference_number = $2 ORDER BY scanned_at, id
