-- name: report
INSERT INTO processes (id, kind, host, version, started_at, seen_at, stored, unstored, p99_ms, problem)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, stored = excluded.stored, unstored = excluded.unstored,
  p99_ms = excluded.p99_ms, problem = excluded.problem

-- name: forget
-- Those that ended, and those whose clock was ahead.
DELETE FROM processes WHERE seen_at < $1 OR seen_at > $2

-- name: end
DELETE FROM processes WHERE id = $1

-- name: since
SELECT {{processes.*}} FROM processes WHERE seen_at BETWEEN $1 AND $2 ORDER BY kind, host, started_at, id
