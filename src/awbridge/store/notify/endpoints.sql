-- name: add
INSERT INTO endpoints (id, url, kinds, secret, enabled, created_at, updated_at) VALUES ($1, $2, $3, $4, TRUE, $5, $5)

-- name: all
SELECT {{endpoints.*}} FROM endpoints ORDER BY id

-- name: get
SELECT {{endpoints.*}} FROM endpoints WHERE id = $1

-- name: lock
SELECT {{endpoints.*}} FROM endpoints WHERE id = $1 {{postgres: FOR UPDATE}}

-- name: rotate
UPDATE endpoints SET old_secret = secret, old_secret_until_at = $3, secret = $2, updated_at = $4 WHERE id = $1

-- name: change
UPDATE endpoints SET url = $2, kinds = $3, updated_at = $4 WHERE id = $1

-- name: enable
UPDATE endpoints SET enabled = TRUE, problem = NULL, failing_since_at = NULL, updated_at = $2 WHERE id = $1

-- name: disable
UPDATE endpoints SET enabled = FALSE, problem = $2, updated_at = $3 WHERE id = $1 AND enabled

-- name: succeeded
-- Written at most once a minute: it shows that deliveries succeed. The end of a failure is written at once.
UPDATE endpoints SET last_success_at = $2, failing_since_at = NULL
WHERE id = $1 AND (last_success_at IS NULL OR last_success_at < $3 OR failing_since_at IS NOT NULL)

-- name: failed
UPDATE endpoints SET failing_since_at = $2 WHERE id = $1 AND failing_since_at IS NULL

-- name: remove
DELETE FROM endpoints WHERE id = $1
