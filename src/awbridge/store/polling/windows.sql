-- name: last
-- Each begins where the one before ended: the last to begin is the last to end.
SELECT (SELECT to_at FROM catch_up_windows WHERE from_at = (SELECT MAX(from_at) FROM catch_up_windows)) AS to_at

-- name: add
INSERT INTO catch_up_windows (from_at, to_at, lease_ends_at, items) VALUES ($1, $2, $3, 0)
ON CONFLICT (from_at) DO NOTHING

-- name: open
SELECT from_at, to_at, items, next_page, page_at FROM catch_up_windows
WHERE done_at IS NULL AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
ORDER BY from_at LIMIT 1
{{postgres: FOR UPDATE SKIP LOCKED}}

-- name: lease
UPDATE catch_up_windows SET lease_ends_at = $2 WHERE from_at = $1

-- name: hold
-- Whose lease it is, its end says: who took the window over has written another.
UPDATE catch_up_windows SET lease_ends_at = $3 WHERE from_at = $1 AND lease_ends_at = $2 AND done_at IS NULL

-- name: done
UPDATE catch_up_windows SET done_at = $2, items = $3, lease_ends_at = NULL, problem = NULL, next_page = NULL,
  page_at = NULL
WHERE from_at = $1 AND lease_ends_at = $4 AND done_at IS NULL

-- name: turned
-- Written with the page's items in one transaction: everything up to this page is stored.
UPDATE catch_up_windows SET next_page = $2, page_at = $3, items = $4, lease_ends_at = $5
WHERE from_at = $1 AND lease_ends_at = $6 AND done_at IS NULL

-- name: failed
UPDATE catch_up_windows SET lease_ends_at = $2, problem = $3
WHERE from_at = $1 AND lease_ends_at = $4 AND done_at IS NULL

-- name: restart
UPDATE catch_up_windows SET next_page = NULL, page_at = NULL, items = 0 WHERE from_at = $1 AND done_at IS NULL

-- name: recent
SELECT from_at, to_at, done_at, items, problem FROM catch_up_windows ORDER BY from_at DESC LIMIT $1

-- name: newest
-- The newest may not have a page yet; then the one before tells when the last was stored.
SELECT to_at, done_at, page_at FROM catch_up_windows ORDER BY from_at DESC LIMIT 2

-- name: since
-- The windows that end after $1, each joined with its neighbours that adjoin it and are as covered: a week has thousands.
SELECT MIN(from_at) AS from_at, MAX(to_at) AS to_at, covered, SUM(items) AS items, problem
FROM (
  SELECT from_at, to_at, covered, items, problem, SUM(begins) OVER (ORDER BY from_at) AS joined
  FROM (
    SELECT from_at, to_at, covered, items, problem,
      CASE WHEN LAG(to_at) OVER in_time = from_at AND LAG(covered) OVER in_time = covered
        AND LAG(problem) OVER in_time IS NOT DISTINCT FROM problem THEN 0 ELSE 1 END AS begins
    FROM (
      SELECT from_at, to_at, done_at IS NOT NULL AS covered, items, CASE WHEN done_at IS NULL THEN problem END AS problem
      FROM catch_up_windows
      WHERE to_at > $1 AND to_at > from_at
        AND from_at >= COALESCE((SELECT MAX(from_at) FROM catch_up_windows WHERE from_at <= $1), $1)
    ) AS shown
    WINDOW in_time AS (ORDER BY from_at)
  ) AS marked
) AS numbered
GROUP BY joined, covered, problem
ORDER BY from_at

-- name: undone
SELECT MIN(from_at) AS from_at FROM catch_up_windows WHERE done_at IS NULL
