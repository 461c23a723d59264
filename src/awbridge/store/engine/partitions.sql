-- name: listed
-- The partitions of tables, with what their bounds are, about how many rows they have, and their bytes without indexes.
{{postgres: SELECT given.name AS table_name, part.relname::text AS name, quote_ident(space.nspname) AS space,
  pg_get_expr(part.relpartbound, part.oid) AS bounds, GREATEST(part.reltuples, 0)::bigint AS table_rows,
  COALESCE(pg_relation_size(part.oid), 0) AS bytes, array_to_string(part.reloptions, ', ') AS options,
  whole.relowner::regrole::text AS owner
FROM unnest($1::text[]) AS given (name)
JOIN pg_class whole ON whole.oid = to_regclass(quote_ident(given.name))
JOIN pg_inherits ON inhparent = whole.oid
JOIN pg_class part ON part.oid = inhrelid AND part.relispartition
JOIN pg_namespace space ON space.oid = part.relnamespace}}

-- name: leftovers
-- What an interrupted try to make a month has left: the default partition refuses rows of that month.
{{postgres: SELECT con.conname::text AS name, conrelid::regclass::text AS part
FROM pg_constraint con JOIN pg_inherits ON inhrelid = con.conrelid
WHERE inhparent = to_regclass(quote_ident($1)) AND con.contype = 'c' AND con.conislocal AND con.conname LIKE $2}}

-- name: wait_briefly
-- A table that is in use is not waited for longer, since all who come later wait behind.
{{postgres: SELECT set_config('lock_timeout', '500ms', true)}}

-- name: attempts_within
-- How many rows have an id of this range, up to $3 of each shard; out of the primary key.
{{postgres: SELECT COUNT(*) AS table_rows FROM generate_series(0, 63) AS shards (number),
  LATERAL (SELECT 1 FROM attempts WHERE shard = shards.number AND id >= $1 AND id < $2 LIMIT $3) AS found}}

-- name: events_within
{{postgres: SELECT COUNT(*) AS table_rows FROM generate_series(0, 63) AS shards (number),
  LATERAL (SELECT 1 FROM events WHERE shard = shards.number AND id >= $1 AND id < $2 LIMIT $3) AS found}}

-- name: event_deliveries_within
-- The same, up to $3 of each endpoint: no index of deliveries begins with the shard. Each endpoint that has one is found
-- by one entry of the primary key.
{{postgres: WITH RECURSIVE served (id) AS (
    SELECT MIN(endpoint_id) FROM event_deliveries
  UNION ALL
    SELECT (SELECT MIN(endpoint_id) FROM event_deliveries WHERE endpoint_id > served.id) FROM served
    WHERE served.id IS NOT NULL)
SELECT COUNT(*) AS table_rows FROM served,
  LATERAL (SELECT 1 FROM event_deliveries WHERE endpoint_id = served.id AND event_id >= $1 AND event_id < $2 LIMIT $3)
    AS found}}

-- name: rights
-- Whether this role may make and drop partitions of a table.
{{postgres: SELECT current_user::text AS role, quote_ident(space.nspname) AS space, class.relowner::regrole::text AS owner,
  has_schema_privilege(space.oid, 'CREATE') AS creates, pg_has_role(class.relowner, 'USAGE') AS owns
FROM pg_class class JOIN pg_namespace space ON space.oid = class.relnamespace
WHERE class.oid = to_regclass(quote_ident($1))}}
