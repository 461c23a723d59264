-- name: last
SELECT MAX(to_at) AS to_at FROM catch_up_windows

-- name: add
INSERT INTO catch_up_windows (from_at, to_at, lease_ends_at, items) VALUES ($1, $2, $3, 0)
ON CONFLICT (from_at) DO NOTHING

-- name: open
SELECT from_at, to_at FROM catch_up_windows
WHERE done_at IS NULL AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
ORDER BY from_at LIMIT 1
{{postgres: FOR UPDATE SKIP LOCKED}}

-- name: lease
UPDATE catch_up_windows SET lease_ends_at = $2 WHERE from_at = $1

-- name: done
UPDATE catch_up_windows SET done_at = $2, items = $3, lease_ends_at = NULL, problem = NULL WHERE from_at = $1

-- name: failed
UPDATE catch_up_windows SET lease_ends_at = $2, problem = $3 WHERE from_at = $1 AND done_at IS NULL

-- name: recent
SELECT from_at, to_at, done_at, items, problem FROM catch_up_windows ORDER BY from_at DESC LIMIT $1
