-- compatible from: 0037 (a column that may be empty)
-- From which schema on versions go on beside a migration, for those that do not have its file. NULL: it does not say.
ALTER TABLE schema_migrations ADD COLUMN compatible_from INTEGER;
