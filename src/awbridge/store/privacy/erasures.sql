-- name: add
INSERT INTO erasures (id, kind, subject, pseudonym, requested_at, next_try_at, tries) VALUES ($1, $2, $3, $4, $5, $5, 0)

-- name: claim
WITH chosen AS MATERIALIZED (
  SELECT id FROM erasures WHERE done_at IS NULL AND next_try_at <= $1 ORDER BY next_try_at LIMIT 1
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE erasures SET next_try_at = $2, tries = tries + 1
WHERE id IN (SELECT id FROM chosen)
RETURNING id, kind, subject, pseudonym, requested_at, next_try_at, tries, done_at, counts, problem

-- name: renew
UPDATE erasures SET next_try_at = $3 WHERE id = $1 AND next_try_at = $2 AND done_at IS NULL

-- name: later
UPDATE erasures SET next_try_at = $2, counts = $3, problem = $4 WHERE id = $1 AND done_at IS NULL

-- name: done
UPDATE erasures SET done_at = $2, counts = $3, subject = NULL, next_try_at = NULL, problem = NULL
WHERE id = $1 AND done_at IS NULL

-- name: newest
SELECT id, kind, subject, pseudonym, requested_at, next_try_at, tries, done_at, counts, problem
FROM erasures ORDER BY id DESC LIMIT $1

-- name: get
SELECT id, kind, subject, pseudonym, requested_at, next_try_at, tries, done_at, counts, problem FROM erasures WHERE id = $1
