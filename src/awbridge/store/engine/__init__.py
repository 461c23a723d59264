"""Opens, migrates and runs a database: SQLite and PostgreSQL, named statements, ids, shared time."""
