-- name: last
SELECT MAX(due_at) AS due_at FROM runs WHERE job = $1

-- name: add
INSERT INTO runs (job, due_at, next_try_at, tries) VALUES ($1, $2, $3, 0)
ON CONFLICT (job, due_at) DO NOTHING

-- name: begin
INSERT INTO runs (job, due_at, tries, finished_at, result) VALUES ($1, $2, 0, $3, $4)
ON CONFLICT (job, due_at) DO NOTHING

-- name: claim
WITH chosen AS MATERIALIZED (
  SELECT job, due_at FROM runs WHERE job = $1 AND finished_at IS NULL AND next_try_at <= $3
  ORDER BY due_at LIMIT 1
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE runs SET lease_owner = $2, next_try_at = $4, tries = tries + 1, started_at = COALESCE(started_at, $3)
WHERE (job, due_at) IN (SELECT job, due_at FROM chosen)
RETURNING job, due_at, tries, lease_owner

-- name: renew
UPDATE runs SET next_try_at = $4 WHERE job = $1 AND due_at = $2 AND lease_owner = $3 AND finished_at IS NULL

-- name: finish
UPDATE runs SET finished_at = $4, result = $5, problem = $6, next_try_at = NULL, lease_owner = NULL
WHERE job = $1 AND due_at = $2 AND lease_owner = $3 AND finished_at IS NULL

-- name: again
UPDATE runs SET next_try_at = $4, result = $5, problem = $6, lease_owner = NULL, tries = $7
WHERE job = $1 AND due_at = $2 AND lease_owner = $3 AND finished_at IS NULL

-- name: recent
SELECT job, due_at, tries, started_at, finished_at, next_try_at, result, problem
FROM runs WHERE job = $1 ORDER BY due_at DESC LIMIT $2
