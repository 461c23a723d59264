-- name: add
INSERT INTO api_keys (id, name, role, sha256, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: all
SELECT {{api_keys.*}} FROM api_keys ORDER BY id DESC

-- name: get
SELECT {{api_keys.*}} FROM api_keys WHERE id = $1

-- name: accepted
SELECT id, name, role, sha256, last_used_at FROM api_keys WHERE revoked_at IS NULL

-- name: named
SELECT 1 AS found FROM api_keys WHERE name = $1 AND revoked_at IS NULL LIMIT 1

-- name: used
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)

-- name: revoke
UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
