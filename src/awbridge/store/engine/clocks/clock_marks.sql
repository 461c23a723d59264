-- name: now
-- SQLite has no clock of its own: every process on its file runs on the machine that the file lies on.
SELECT {{postgres: clock_timestamp()}}{{sqlite: NULL}} AS now_at

-- name: latest
-- Beside the mark, what is dated latest: orders may be stored, and windows asked for, by a process that leaves no mark.
SELECT (SELECT latest_at FROM clock_marks WHERE id = 1) AS mark_at, (SELECT MAX(created_at) FROM shipments) AS order_at,
  (SELECT MAX(from_at) FROM catch_up_windows) AS window_at

-- name: note
INSERT INTO clock_marks (id, latest_at) VALUES (1, $1)
ON CONFLICT (id) DO UPDATE SET latest_at = excluded.latest_at WHERE clock_marks.latest_at < excluded.latest_at

-- name: set_back
INSERT INTO clock_marks (id, latest_at, set_back_at, set_back_seconds) VALUES (1, $1, $1, $2)
ON CONFLICT (id) DO UPDATE SET latest_at = excluded.latest_at, set_back_at = excluded.set_back_at,
  set_back_seconds = excluded.set_back_seconds

-- name: last_set_back
SELECT set_back_at, set_back_seconds FROM clock_marks WHERE id = 1 AND set_back_at > $1
