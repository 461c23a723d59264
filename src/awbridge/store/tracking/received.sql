-- name: webhook_identities
SELECT identity FROM inbox WHERE source = 'webhook'
