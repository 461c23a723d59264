-- name: add
INSERT INTO promises (shard, reference_number, stated_at, edd, received_at, source)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6)}}
ON CONFLICT (shard, reference_number, stated_at, edd) DO NOTHING

-- name: of_shipments
-- Many rows: reference number, shard.
{{keys}}
SELECT reference_number, stated_at, edd, received_at, source
FROM key {{sqlite: CROSS}} JOIN promises
  ON promises.shard = key.shard AND promises.reference_number = key.value

-- name: newest
-- Many rows: reference number, shard. The current promise of each shipment, as promise.current chooses it.
{{keys}}
{{postgres: SELECT reference_number, stated_at, edd, received_at, source FROM key CROSS JOIN LATERAL (
  SELECT reference_number, stated_at, edd, received_at, source FROM promises
  WHERE promises.shard = key.shard AND promises.reference_number = key.value
  ORDER BY stated_at DESC, received_at DESC, edd COLLATE "C" DESC LIMIT 1
) newest}}
{{sqlite: SELECT promises.reference_number, promises.stated_at, promises.edd, promises.received_at, promises.source
FROM key CROSS JOIN promises ON promises.shard = key.shard AND promises.reference_number = key.value
WHERE NOT EXISTS (SELECT 1 FROM promises later
  WHERE later.shard = promises.shard AND later.reference_number = promises.reference_number
    AND (later.stated_at, later.received_at, later.edd) > (promises.stated_at, promises.received_at, promises.edd))}}

-- name: remove
DELETE FROM promises WHERE shard = $1 AND reference_number = $2
