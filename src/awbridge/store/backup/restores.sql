-- name: add
INSERT INTO restores (restored_at, point_at, until_at, last_manifest, counts) VALUES ($1, $2, $3, $4, $5)

-- name: newest
SELECT restored_at, point_at, until_at, last_manifest, counts FROM restores ORDER BY restored_at DESC LIMIT $1
