-- name: add
INSERT INTO scans (shard, id, reference_number, identity, fingerprint, scan_id, checkpoint_id, waybill,
  courier_partner_id, status_code, status, remark, location, ndr_code, scanned_at, received_at, source,
  npr_code, npr_description, description, ndr_description, return_event)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::integer[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::integer[],
  $15::timestamptz[], $16::timestamptz[], $17::text[], $18::integer[], $19::text[], $20::text[], $21::text[],
  $22::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)}}
ON CONFLICT (shard, identity) DO NOTHING

-- name: entries
-- The timelines of these shipments, to recognise known scans and to derive the status.
SELECT scans.id, reference_number, fingerprint, scan_id, checkpoint_id, ndr_code, waybill, courier_partner_id,
  status_code, status, remark, location, scanned_at, received_at, source, npr_code, npr_description, description, ndr_description,
  return_event FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN scans
  ON scans.shard = key.shard AND scans.reference_number = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN scans
  ON scans.shard = beside.value AND scans.reference_number = key.value}}
ORDER BY received_at, scans.id

-- name: for_matching
-- The same without texts: on PostgreSQL the index includes all of it.
SELECT scans.id, reference_number, fingerprint, scan_id, checkpoint_id, ndr_code, waybill, status_code, scanned_at,
  received_at, source, npr_code, npr_description FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN scans
  ON scans.shard = key.shard AND scans.reference_number = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN scans
  ON scans.shard = beside.value AND scans.reference_number = key.value}}
ORDER BY received_at, scans.id

-- name: alike
-- The entries of these shipments that may be the same scan as an incoming one: same ids, or same content, if necessary
-- without the location. Fingerprint and part are one text (32 digits, then the part): SQLite caches four parsed JSON
-- texts, and a fifth would make it parse all of them for every row.
SELECT scans.id, reference_number, scans.fingerprint, scans.scan_id, scans.checkpoint_id, ndr_code, waybill, status_code,
  scanned_at, received_at, source, npr_code, npr_description FROM
{{postgres: unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::text[])
  AS incoming (value, shard, scan_id, checkpoint_id, words) JOIN scans
  ON scans.shard = incoming.shard AND scans.reference_number = incoming.value AND (scans.scan_id = incoming.scan_id
    OR scans.checkpoint_id = incoming.checkpoint_id OR strpos(scans.fingerprint, left(incoming.words, 32)) > 0
    OR strpos(scans.fingerprint, substr(incoming.words, 33)) > 0)}}
{{sqlite: json_each($1) AS incoming CROSS JOIN scans
  ON scans.shard = json_extract($2, '$[' || incoming.key || ']') AND scans.reference_number = incoming.value
    AND (scans.scan_id = json_extract($3, '$[' || incoming.key || ']')
      OR scans.checkpoint_id = json_extract($4, '$[' || incoming.key || ']')
      OR instr(scans.fingerprint, substr(json_extract($5, '$[' || incoming.key || ']'), 1, 32)) > 0
      OR instr(scans.fingerprint, substr(json_extract($5, '$[' || incoming.key || ']'), 33)) > 0)}}
ORDER BY received_at, scans.id

-- name: learn
-- Entries read for matching carry no texts: "" leaves a text unchanged. The text of an NDR code is stored with its code.
UPDATE scans SET scan_id = $3, checkpoint_id = $4, ndr_code = $5, fingerprint = $6, npr_code = $7, npr_description = $8,
  location = CASE WHEN location = '' THEN $9 ELSE location END, remark = CASE WHEN remark = '' THEN $10 ELSE remark END,
  ndr_description = CASE WHEN $11 = '' AND ndr_code = $5 THEN ndr_description ELSE $11 END
WHERE shard = $1 AND id = $2

-- name: remove
DELETE FROM scans
WHERE shard = $1 AND id {{postgres: = ANY($2::bigint[])}}{{sqlite: IN (SELECT value FROM json_each($2))}}

-- name: timeline
SELECT waybill, courier_partner_id, status_code, status, remark, location, ndr_code, scanned_at, received_at, source,
  scan_id, checkpoint_id, npr_code, npr_description, description, ndr_description, return_event
FROM scans WHERE shard = $1 AND reference_number = $2 ORDER BY scanned_at, id
