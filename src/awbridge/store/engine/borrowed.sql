-- name: look_in
-- $1: a schema. Until the transaction ends, or the path is set again, names mean its tables; the path before is returned.
{{postgres:
WITH before AS MATERIALIZED (SELECT current_setting('search_path') AS path)
SELECT path, set_config('search_path', quote_ident($1), true) AS now FROM before}}
{{sqlite: SELECT NULL AS path, $1 AS now}}

-- name: look_as_before
{{postgres: SELECT set_config('search_path', $1, true)}}{{sqlite: SELECT $1}}
