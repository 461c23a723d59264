-- name: drop_connections
-- Those of every other session of ours on this database. SQLite has none: its fault is a writer that holds the lock.
SELECT
{{postgres: COUNT(pg_terminate_backend(pid)) AS dropped FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'awbridge'}}
{{sqlite: 0 AS dropped}}

-- name: drop_oldest_connection
SELECT
{{postgres: COUNT(pg_terminate_backend(pid)) AS dropped FROM (
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'awbridge'
  ORDER BY backend_start LIMIT 1
) oldest}}
{{sqlite: 0 AS dropped}}
