-- name: add
INSERT INTO sessions (token_sha256, person_id, device, created_at, seen_at, ends_at) VALUES ($1, $2, $3, $4, $4, $5)

-- name: open
SELECT s.person_id, s.seen_at, p.login, p.role FROM sessions s JOIN people p ON p.id = s.person_id
WHERE s.token_sha256 = $1 AND s.ends_at > $2 AND s.seen_at > $3 AND p.disabled_at IS NULL

-- name: seen
UPDATE sessions SET seen_at = $2 WHERE token_sha256 = $1 AND seen_at < $3

-- name: of_person
SELECT {{sessions.*}} FROM sessions WHERE person_id = $1 AND ends_at > $2 AND seen_at > $3 ORDER BY created_at DESC

-- name: counts
SELECT person_id, COUNT(*) AS n FROM sessions WHERE ends_at > $1 AND seen_at > $2 GROUP BY person_id

-- name: end_one
DELETE FROM sessions WHERE token_sha256 = $1

-- name: end_of_person
DELETE FROM sessions WHERE person_id = $1 AND token_sha256 <> $2
