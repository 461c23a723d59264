-- name: add
INSERT INTO payload_versions (shard, reference_number, version, payload, changed_at, changed_by, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: of_shipment
SELECT version, payload, changed_at, changed_by, reason FROM payload_versions
WHERE shard = $1 AND reference_number = $2 ORDER BY version
