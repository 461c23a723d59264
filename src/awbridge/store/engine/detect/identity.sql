-- name: origin
SELECT applied_at, {{postgres: current_database()::text}}{{sqlite: NULL}} AS database FROM schema_migrations
ORDER BY number LIMIT 1
