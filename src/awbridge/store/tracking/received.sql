-- name: webhook_identities
SELECT identity FROM inbox WHERE source IN ('w', 'webhook')
