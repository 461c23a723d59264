-- name: archiver
-- SQLite archives nothing.
SELECT {{postgres: current_setting('archive_mode')}}{{sqlite: 'off'}} AS mode,
  {{postgres: last_archived_time}}{{sqlite: NULL}} AS done_at, {{postgres: last_failed_time}}{{sqlite: NULL}} AS failed_at
{{postgres: FROM pg_stat_archiver}}
