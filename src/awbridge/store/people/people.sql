-- name: add
INSERT INTO people (id, login, role, link_sha256, link_ends_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (login) DO NOTHING

-- name: all
SELECT {{people.*}} FROM people ORDER BY login

-- name: get
SELECT {{people.*}} FROM people WHERE id = $1

-- name: by_login
SELECT {{people.*}} FROM people WHERE login = $1

-- name: by_link
SELECT {{people.*}} FROM people WHERE link_sha256 = $1

-- name: any_person
SELECT 1 AS found FROM people LIMIT 1

-- name: lock_all
-- Whether an admin remains is decided under this lock.
SELECT {{people.*}} FROM people ORDER BY id {{postgres: FOR UPDATE}}

-- name: set_role
UPDATE people SET role = $2, updated_at = $3 WHERE id = $1

-- name: set_disabled
UPDATE people SET disabled_at = $2, link_sha256 = NULL, link_ends_at = NULL, updated_at = $3 WHERE id = $1

-- name: set_link
UPDATE people SET link_sha256 = $2, link_ends_at = $3, updated_at = $4 WHERE id = $1

-- name: set_password
UPDATE people SET password_hash = $2, link_sha256 = NULL, link_ends_at = NULL, updated_at = $3 WHERE id = $1

-- name: rehash
-- Only if the password was not changed meanwhile.
UPDATE people SET password_hash = $3 WHERE id = $1 AND password_hash = $2

-- name: bind
UPDATE people SET oidc_subject = $2, updated_at = $3 WHERE id = $1 AND oidc_subject IS NULL
