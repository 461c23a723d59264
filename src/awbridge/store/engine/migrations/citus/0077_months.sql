-- Citus makes no partition out of a table that it has distributed, and its coordinator reports no size for one. So calls and
-- events stay plain tables there, from which retention deletes by the row.
ALTER TABLE inbox SET (autovacuum_vacuum_scale_factor = 0.02);
