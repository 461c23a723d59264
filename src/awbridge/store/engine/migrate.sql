-- name: has_schema
-- Asked first: to create one takes a right that a user may not have for whom the schema was created.
{{postgres: SELECT to_regnamespace($1) IS NOT NULL AS found}}{{sqlite: SELECT 1 AS found}}

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

-- name: has_citus
-- A row where the database has Citus.
{{postgres: SELECT 1 AS found FROM pg_extension WHERE extname = 'citus'}}{{sqlite: SELECT 1 AS found WHERE FALSE}}

-- name: history
SELECT number, name, checksum FROM schema_migrations ORDER BY number

-- name: record
INSERT INTO schema_migrations (number, name, checksum, applied_at)
{{postgres: SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[])}}
{{sqlite: VALUES ($1, $2, $3, $4)}}

-- name: compatibility
SELECT number, compatible_from FROM schema_migrations ORDER BY number

-- name: record_compatibility
{{postgres: UPDATE schema_migrations SET compatible_from = row.oldest
FROM unnest($1::integer[], $2::integer[]) AS row (number, oldest) WHERE schema_migrations.number = row.number}}
{{sqlite: UPDATE schema_migrations SET compatible_from = $2 WHERE number = $1}}

-- name: now_and_schema
-- $1: the migrations that a version knows. How many of them were applied, which others were, and what time it is: one look
-- for a caller who has a transaction open, which is on PostgreSQL. By way of JSON, as the column is not there before 0039.
{{postgres:
SELECT clock_timestamp() AS now_at, COUNT(*) FILTER (WHERE known) AS known,
  array_agg(number) FILTER (WHERE NOT known) AS newer, array_agg(name) FILTER (WHERE NOT known) AS names,
  array_agg(compatible_from) FILTER (WHERE NOT known) AS compatible_from
FROM (
  SELECT number, name, number = ANY ($1::integer[]) AS known,
    CAST(to_jsonb(applied) ->> 'compatible_from' AS INTEGER) AS compatible_from
  FROM schema_migrations AS applied
) AS stored}}
{{sqlite: SELECT NULL AS now_at, $1 AS known}}
