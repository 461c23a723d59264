-- name: add
INSERT INTO webhook_keys (sha256, webhook_url, created_at) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET webhook_url = excluded.webhook_url

-- name: all
SELECT sha256, webhook_url, created_at FROM webhook_keys ORDER BY created_at DESC, sha256

-- name: remove
DELETE FROM webhook_keys WHERE sha256 = $1

-- name: refuse
INSERT INTO webhook_refusals (reason, refused, last_at) VALUES ($1, $2, $3)
ON CONFLICT (reason) DO UPDATE SET refused = webhook_refusals.refused + excluded.refused, last_at = excluded.last_at

-- name: refusals
SELECT reason, refused, last_at FROM webhook_refusals ORDER BY reason
