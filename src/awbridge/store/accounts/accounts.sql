-- name: version
SELECT count(*) AS accounts, coalesce(sum(revision), 0) AS revisions, max(updated_at) AS updated_at FROM accounts

-- name: all
SELECT {{accounts.*}} FROM accounts ORDER BY name

-- name: lock
SELECT {{accounts.*}} FROM accounts WHERE name = $1 {{postgres: FOR UPDATE}}

-- name: add
INSERT INTO accounts (name, title, defined, settings, secrets, suspended_at, revision, created_at, updated_at,
  drop_begun_at, dropped_at)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, $8, $9) ON CONFLICT (name) DO NOTHING

-- name: write
UPDATE accounts
SET title = $2, defined = $3, settings = $4, secrets = $5, suspended_at = $6, revision = revision + 1, updated_at = $7,
  drop_begun_at = $8, dropped_at = $9
WHERE name = $1

-- name: drop
DELETE FROM accounts WHERE name = $1
