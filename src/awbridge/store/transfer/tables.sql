-- name: columns
-- The columns of every table, in their order. A partition is read by way of its table. key_place: from 1, in the primary
-- key; 0 for a column outside of it.
{{postgres: SELECT class.relname::text AS table_name, attribute.attname::text AS name,
  format_type(attribute.atttypid, NULL) AS type,
  COALESCE(array_position(string_to_array(key.indkey::text, ' ')::smallint[], attribute.attnum), 0) AS key_place
FROM pg_class class
JOIN pg_attribute attribute ON attribute.attrelid = class.oid
LEFT JOIN pg_index key ON key.indrelid = class.oid AND key.indisprimary
WHERE class.relnamespace = to_regnamespace(current_schema()) AND class.relkind IN ('r', 'p') AND NOT class.relispartition
  AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY class.relname, attribute.attnum}}
{{sqlite: SELECT found.name AS table_name, field.name AS name, field.type AS type, field.pk AS key_place
FROM sqlite_schema AS found JOIN pragma_table_info(found.name) AS field
WHERE found.type = 'table' AND found.name NOT LIKE 'sqlite_%' ORDER BY found.name, field.cid}}

-- name: default_schema
-- The schema that a session without one of its own leads to.
SELECT {{postgres: current_schema()::text}}{{sqlite: ''}} AS name

-- name: wait_briefly
-- A table that is in use is not waited for, since all who come later would wait behind.
{{postgres: SELECT set_config('lock_timeout', '5s', true)}}{{sqlite: SELECT 1}}
