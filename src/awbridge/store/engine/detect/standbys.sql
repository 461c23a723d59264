-- name: durability
-- Who is no superuser and no member of pg_read_all_stats sees that a standby is connected, but not whether commits wait
-- for it. A subscriber of logical replication is no standby.
SELECT
{{postgres: current_setting('fsync') = 'on' AS fsync,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('synchronous_standby_names') <> '' AS names_standbys,
  COUNT(replication.pid) AS standbys,
  COUNT(replication.pid) FILTER (WHERE replication.sync_state IN ('sync', 'quorum')) AS synchronous,
  COUNT(replication.pid) FILTER (WHERE replication.sync_state IS NULL) AS unseen
FROM (
  SELECT pid, sync_state FROM pg_stat_replication
  WHERE COALESCE(state, '') <> 'backup'
    AND pid NOT IN (SELECT active_pid FROM pg_replication_slots WHERE slot_type = 'logical' AND active_pid IS NOT NULL)
) replication}}
{{sqlite: 1 AS fsync, 'on' AS synchronous_commit, 0 AS names_standbys, 0 AS standbys, 0 AS synchronous, 0 AS unseen}}
