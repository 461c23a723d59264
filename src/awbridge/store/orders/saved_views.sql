-- name: every
SELECT name, query, created_at, updated_at FROM saved_views ORDER BY name

-- name: save
INSERT INTO saved_views (name, query, created_at, updated_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO UPDATE SET query = excluded.query, updated_at = excluded.updated_at

-- name: remove
DELETE FROM saved_views WHERE name = $1
