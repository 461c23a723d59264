-- name: make_history
CREATE TABLE IF NOT EXISTS schema_migrations (
  number INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL
)

-- name: lock
-- One process migrates at a time. On SQLite the write transaction itself is that lock.
{{postgres: LOCK TABLE schema_migrations IN EXCLUSIVE MODE}}{{sqlite: SELECT 1}}

-- name: history
SELECT number, name, checksum FROM schema_migrations ORDER BY number

-- name: record
INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)

-- name: compatibility
SELECT number, compatible_from FROM schema_migrations ORDER BY number

-- name: record_compatibility
UPDATE schema_migrations SET compatible_from = $2 WHERE number = $1
