-- name: begin
INSERT INTO replays (started_at, shard, reference_number, shipments, changed) VALUES ($1, -1, '', 0, 0)
ON CONFLICT (started_at) DO NOTHING

-- name: open
-- Two who replay at once take turns at the one that is under way.
SELECT started_at, shard, reference_number, shipments, changed FROM replays
WHERE done_at IS NULL ORDER BY started_at LIMIT 1
{{postgres: FOR UPDATE}}

-- name: go_on
UPDATE replays SET shard = $2, reference_number = $3, shipments = shipments + $4, changed = changed + $5
WHERE started_at = $1

-- name: end
UPDATE replays SET done_at = $1 WHERE done_at IS NULL
