-- name: add
INSERT INTO webhook_keys (sha256, webhook_url, created_at) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET webhook_url = excluded.webhook_url

-- name: all
SELECT sha256 FROM webhook_keys
