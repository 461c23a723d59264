-- name: version
-- The version of Citus in this database, and whether its catalogue leaves out the tables that Citus keeps rows in.
{{postgres: SELECT extversion::text AS version, current_schema()::text AS schema,
  current_setting('citus.override_table_visibility')::boolean AS hides
FROM pg_extension WHERE extname = 'citus'}}

-- name: distributed
-- A row for this schema if Citus distributes it.
{{postgres: SELECT nodename::text || ':' || nodeport::text AS node
FROM citus_shards WHERE table_name = 'shipments'::regclass AND citus_table_type = 'schema'}}
