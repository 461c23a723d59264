-- name: shipments
-- Those on their way to ClickPost, and those that need a person. Not what is placed or cancelled: that is the more the
-- longer awbridge runs.
SELECT state, COUNT(*) AS shipments FROM shipments
WHERE state IN ('allocating', 'ready', 'waiting', 'retrying', 'held', 'rejected', 'gave_up')
GROUP BY state

-- name: on_their_way
-- Each is in one of two indexes.
SELECT (SELECT COUNT(*) FROM shipments {{sqlite: INDEXED BY shipments_to_mark}}
    WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL)
  + (SELECT COUNT(*) FROM shipments {{sqlite: INDEXED BY shipments_stuck}}
    WHERE state = 'placed' AND NOT final AND stuck_since_at IS NOT NULL) AS shipments

-- name: unreadable_dates
SELECT COUNT(*) AS shipments FROM shipments {{sqlite: INDEXED BY shipments_promised_in_words}}
WHERE edd IS NOT NULL AND edd_due_at IS NULL AND state = 'placed' AND NOT final

-- name: cancels
-- Cancellations that go on, those that ClickPost refused, those that were given up, and those of which push gave up to
-- learn what there is to cancel.
SELECT COUNT(CASE WHEN cancel_state NOT IN ('refused', 'gave_up') AND state <> 'cancelled'
    AND (state <> 'gave_up' OR next_try_at IS NOT NULL) THEN 1 END) AS asked,
  COUNT(CASE WHEN cancel_state = 'refused' THEN 1 END) AS refused,
  COUNT(CASE WHEN cancel_state = 'gave_up' THEN 1 END) AS gave_up,
  COUNT(CASE WHEN cancel_state NOT IN ('refused', 'gave_up') AND state = 'gave_up' AND next_try_at IS NULL
    THEN 1 END) AS unsettled
FROM shipments {{sqlite: INDEXED BY shipments_cancels}}
WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up')

-- name: actions
SELECT state, COUNT(*) AS actions FROM actions
WHERE state IN ('due', 'waiting', 'refused', 'gave_up', 'unclear')
GROUP BY state

-- name: inbox
-- What is parked is due too, but mostly later: by the time the index passes over it.
SELECT
  (SELECT COUNT(*) FROM inbox WHERE waiting_for IS NOT NULL) AS waiting,
  (SELECT COUNT(*) FROM inbox WHERE due_at <= $1 AND waiting_for IS NULL)
    + (SELECT COALESCE(SUM(deliveries), 0) FROM inbox_batches) AS due,
  (SELECT COUNT(*) FROM inbox
   WHERE problem IS NOT NULL AND applied_at IS NULL AND waiting_for IS NOT NULL) AS ambiguous,
  (SELECT COUNT(*) FROM inbox WHERE problem IS NOT NULL AND applied_at IS NULL AND waiting_for IS NULL
    AND identity NOT LIKE 'raw:%') AS dead_lettered,
  (SELECT COUNT(*) FROM inbox WHERE problem IS NOT NULL AND applied_at IS NULL AND identity LIKE 'raw:%') AS not_json

-- name: scans_ahead
-- Ids grow with time: those of the last day are the end of the index.
SELECT COUNT(*) AS scans FROM scans WHERE scanned_at > received_at AND id >= $1

-- name: notices
SELECT state, COUNT(*) AS notices FROM notices WHERE state <> 'sent' AND state <> 'suppressed' GROUP BY state

-- name: archive_open
SELECT COUNT(*) AS files FROM archive_files WHERE archived_at IS NULL

-- name: archive_since
SELECT MIN(created_at) AS created_at FROM archive_files {{sqlite: INDEXED BY archive_files_open}} WHERE archived_at IS NULL

-- name: push_due
-- Since when the longest due shipment waits for push, or for the step that cancels: an index for each. Not in accounts
-- that are held ($2) or rest: their shipments stay due and wait for the account.
SELECT MIN(due_at) AS due_at FROM (
  SELECT (SELECT s.next_try_at FROM shipments s
     WHERE s.account = a.account AND s.priority = p.priority AND s.next_try_at <= $1 AND NOT s.success
       AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $1)
     ORDER BY s.next_try_at LIMIT 1) AS due_at
  FROM account_states a CROSS JOIN (SELECT 0 AS priority UNION ALL SELECT 1) p
  WHERE NOT (a.account {{in $2::text[]}}) AND (a.rest_until_at IS NULL OR a.rest_until_at <= $1)
  UNION ALL
  SELECT MIN(next_try_at) AS due_at FROM shipments
  WHERE next_try_at IS NOT NULL AND success AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
) due

-- name: sizes
-- How large the tables are, about. PostgreSQL keeps an estimate of each partition (-1: it has not looked yet). SQLite keeps
-- none; but rows get growing numbers there and the oldest go first, so first and last number say it.
{{postgres:
SELECT name AS table_name, SUM(class.reltuples)::bigint AS table_rows
FROM unnest(ARRAY['actions', 'archive_files', 'attempts', 'event_deliveries', 'events', 'inbox', 'milestones', 'notices',
  'scans', 'shipments', 'update_sources', 'waybills']) AS name
LEFT JOIN pg_inherits part ON part.inhparent = to_regclass(name)
JOIN pg_class class ON class.oid = COALESCE(part.inhrelid, to_regclass(name))
WHERE class.reltuples >= 0
GROUP BY name}}
{{sqlite:
SELECT 'actions' AS table_name, (SELECT MAX(rowid) FROM actions) - (SELECT MIN(rowid) FROM actions) + 1 AS table_rows
UNION ALL SELECT 'archive_files', (SELECT MAX(rowid) FROM archive_files) - (SELECT MIN(rowid) FROM archive_files) + 1
UNION ALL SELECT 'attempts', (SELECT MAX(rowid) FROM attempts) - (SELECT MIN(rowid) FROM attempts) + 1
UNION ALL SELECT 'event_deliveries',
  (SELECT MAX(rowid) FROM event_deliveries) - (SELECT MIN(rowid) FROM event_deliveries) + 1
UNION ALL SELECT 'events', (SELECT MAX(rowid) FROM events) - (SELECT MIN(rowid) FROM events) + 1
UNION ALL SELECT 'inbox', (SELECT MAX(rowid) FROM inbox) - (SELECT MIN(rowid) FROM inbox) + 1
UNION ALL SELECT 'milestones', (SELECT MAX(rowid) FROM milestones) - (SELECT MIN(rowid) FROM milestones) + 1
UNION ALL SELECT 'notices', (SELECT MAX(rowid) FROM notices) - (SELECT MIN(rowid) FROM notices) + 1
UNION ALL SELECT 'scans', (SELECT MAX(rowid) FROM scans) - (SELECT MIN(rowid) FROM scans) + 1
UNION ALL SELECT 'shipments', (SELECT MAX(rowid) FROM shipments) - (SELECT MIN(rowid) FROM shipments) + 1
UNION ALL SELECT 'update_sources', (SELECT MAX(rowid) FROM update_sources) - (SELECT MIN(rowid) FROM update_sources) + 1
UNION ALL SELECT 'waybills', (SELECT MAX(rowid) FROM waybills) - (SELECT MIN(rowid) FROM waybills) + 1}}
