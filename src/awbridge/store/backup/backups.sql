-- name: last
SELECT due_at, started_at, finished_at, result FROM runs
WHERE job = 'backup' AND finished_at IS NOT NULL AND started_at IS NOT NULL AND problem IS NULL
ORDER BY due_at DESC LIMIT 1

-- name: failing
-- The newest run, where it failed and nothing was backed up since.
SELECT due_at, problem FROM (SELECT due_at, problem FROM runs WHERE job = 'backup' ORDER BY due_at DESC LIMIT 1) AS newest
WHERE problem IS NOT NULL

-- name: since
SELECT MIN(due_at) AS due_at FROM runs WHERE job = 'backup'

-- name: record
INSERT INTO runs (job, due_at, tries, started_at, finished_at, result) VALUES ('backup', $1, 1, $2, $1, $3)
ON CONFLICT (job, due_at) DO NOTHING
