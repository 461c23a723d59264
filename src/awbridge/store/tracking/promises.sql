-- name: add
-- Not one that is stored with a scan.
INSERT INTO promises (shard, reference_number, stated_at, edd, received_at, source)
SELECT row.shard, row.reference_number, row.stated_at, row.edd, row.received_at, row.source FROM
{{postgres: unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[])
  AS row (shard, reference_number, stated_at, edd, received_at, source)}}
{{sqlite: (SELECT $1 AS shard, $2 AS reference_number, $3 AS stated_at, $4 AS edd, $5 AS received_at, $6 AS source) AS row}}
WHERE NOT EXISTS (
  SELECT 1 FROM scans WHERE scans.shard = row.shard AND scans.reference_number = row.reference_number AND scans.edd = row.edd
    AND {{postgres: LEAST}}{{sqlite: MIN}}(scans.scanned_at, scans.received_at) = row.stated_at
)
ON CONFLICT (shard, reference_number, stated_at, edd) DO NOTHING

-- fragment: stated
SELECT promises.reference_number AS reference_number, stated_at, edd, received_at, source
FROM key {{sqlite: CROSS}} JOIN promises ON promises.shard = key.shard AND promises.reference_number = key.value
UNION ALL
SELECT scans.reference_number, {{postgres: LEAST}}{{sqlite: MIN}}(scanned_at, received_at), edd, received_at, source
FROM key {{sqlite: CROSS}} JOIN scans ON scans.shard = key.shard AND scans.reference_number = key.value
WHERE edd IS NOT NULL

-- name: of_shipments
-- Many rows: reference number, shard. Their own rows, and those that are stored with a scan.
{{keys}}
{{stated}}

-- name: newest
-- Many rows: reference number, shard. The current promise of each shipment, as promise.current chooses it.
{{keys}}
SELECT reference_number, stated_at, edd, received_at, source FROM (
  SELECT reference_number, stated_at, edd, received_at, source, ROW_NUMBER() OVER (PARTITION BY reference_number
    ORDER BY stated_at DESC, received_at DESC, edd {{postgres: COLLATE "C"}} DESC) AS place
  FROM ({{stated}}) stated
) ranked WHERE place = 1

-- name: remove
DELETE FROM promises WHERE shard = $1 AND reference_number = $2

-- name: remove_from_scans
-- With remove.
UPDATE scans SET edd = NULL WHERE shard = $1 AND reference_number = $2 AND edd IS NOT NULL
