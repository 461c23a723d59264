-- name: position
-- Where the primary's log stands: a replica that has replayed it up to there has everything that was committed before.
{{postgres: SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint AS position}}
{{sqlite: SELECT 0 AS position}}

-- name: replayed
-- How far this server has replayed the primary's log; no position where it is no standby.
{{postgres: SELECT pg_is_in_recovery() AS standby, (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint AS position}}
{{sqlite: SELECT FALSE AS standby, NULL AS position}}

-- name: search_path
-- Within a transaction, behind a pooler that drops what a session asked for at its start.
{{postgres: SELECT set_config('search_path', $1, true)}}
{{sqlite: SELECT $1}}
