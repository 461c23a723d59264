-- name: begin
-- The next number, above those that may be in use since a restore. Nothing is returned where another one took it meanwhile.
INSERT INTO manifests (number, account, courier_partner_id, account_code, parcels, cod_total, created_at, created_by)
SELECT COALESCE(MAX(number), 0) + 1, $1{{postgres: ::text}}, $2{{postgres: ::integer}}, $3{{postgres: ::text}}, 0, '0',
  $4{{postgres: ::timestamptz}}, $5{{postgres: ::text}}
FROM (SELECT MAX(number) AS number FROM manifests UNION ALL SELECT MAX(last_manifest) FROM restores) AS used WHERE TRUE
ON CONFLICT (number) DO NOTHING
RETURNING number

-- name: add_lines
-- A parcel that another manifest has stays there.
INSERT INTO manifest_lines (shard, reference_number, manifest, position, waybill, pieces, cod)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::integer[], $7::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7)}}
ON CONFLICT (shard, reference_number) DO NOTHING
RETURNING reference_number

-- name: complete
UPDATE manifests SET parcels = $2, cod_total = $3 WHERE number = $1

-- name: get
SELECT {{manifests.*}} FROM manifests WHERE number = $1

-- name: newest
SELECT {{manifests.*}} FROM manifests WHERE number < $1 ORDER BY number DESC LIMIT $2

-- name: lines
SELECT position, reference_number, waybill, pieces, cod FROM manifest_lines WHERE manifest = $1 ORDER BY position
