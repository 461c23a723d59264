-- name: look
-- When each step has something to do, in one look. $1: now. $2: since when a change counts as recent. $3: since when a
-- refused answer of a customer is followed. $4: the same as $2 for what is counted by stretches of time.
-- A row is a step, an item of it, and when that is due. hold_until_at: not before. Every part reads one entry of an index,
-- or a few, however many rows wait. `first` is the earliest row that nobody holds: all rows before it are leased, so the
-- end of the earliest lease is among them. LIMIT 100: without it PostgreSQL may read the whole table instead.
WITH push AS MATERIALIZED (
  SELECT courier.account,
    CASE WHEN incident <> 'none' AND (rest_until_at IS NULL OR probe_at > rest_until_at) THEN probe_at
      ELSE rest_until_at END AS hold_until_at,
    (SELECT s.next_try_at FROM shipments s
     WHERE s.account = courier.account AND s.priority = 0 AND s.next_try_at IS NOT NULL AND NOT s.success
       AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $1)
     ORDER BY s.next_try_at LIMIT 1) AS urgent_at,
    (SELECT s.next_try_at FROM shipments s
     WHERE s.account = courier.account AND s.priority = 1 AND s.next_try_at IS NOT NULL AND NOT s.success
       AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $1)
     ORDER BY s.next_try_at LIMIT 1) AS normal_at
  FROM account_states courier
), act AS MATERIALIZED (
  -- Of one kind about one shipment only the first asked is performed.
  SELECT (SELECT a.next_try_at FROM actions a
    WHERE a.next_try_at IS NOT NULL AND (a.lease_ends_at IS NULL OR a.lease_ends_at <= $1)
      AND NOT EXISTS (
        SELECT 1 FROM actions b
        WHERE b.shard = a.shard AND b.reference_number = a.reference_number AND b.kind = a.kind
          AND b.next_try_at IS NOT NULL AND (b.requested_at, b.id) < (a.requested_at, a.id)
      )
    ORDER BY a.next_try_at LIMIT 1) AS first_at
), allocate AS MATERIALIZED (
  SELECT (SELECT allocate_at FROM shipments {{sqlite: INDEXED BY shipments_to_allocate}}
    WHERE state = 'allocating' AND allocate_at IS NOT NULL AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
    ORDER BY allocate_at LIMIT 1) AS first_at
), cancel AS MATERIALIZED (
  SELECT (SELECT next_try_at FROM shipments
    WHERE next_try_at IS NOT NULL AND success AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
    ORDER BY next_try_at LIMIT 1) AS first_at
), notify AS MATERIALIZED (
  SELECT (SELECT due_at FROM notices
    WHERE due_at IS NOT NULL AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
    ORDER BY due_at LIMIT 1) AS first_at
), deliver_events AS MATERIALIZED (
  SELECT (SELECT next_try_at FROM event_deliveries
    WHERE next_try_at IS NOT NULL AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
    ORDER BY next_try_at LIMIT 1) AS first_at
), fetch_labels AS MATERIALIZED (
  SELECT (SELECT next_try_at FROM labels
    WHERE next_try_at IS NOT NULL AND (lease_ends_at IS NULL OR lease_ends_at <= $1)
    ORDER BY next_try_at LIMIT 1) AS first_at
)
SELECT 'push' AS step, account AS item, urgent_at AS due_at, hold_until_at FROM push WHERE urgent_at IS NOT NULL
UNION ALL
SELECT 'push', account, normal_at, hold_until_at FROM push WHERE normal_at IS NOT NULL
UNION ALL
SELECT 'push', account, (
    SELECT MIN(lease_ends_at) FROM (
      SELECT s.lease_ends_at FROM shipments s
      WHERE s.account = push.account AND s.priority = 0 AND s.next_try_at < COALESCE(push.urgent_at, $1) AND NOT s.success
      ORDER BY s.next_try_at LIMIT 100) held), hold_until_at
FROM push
UNION ALL
SELECT 'push', account, (
    SELECT MIN(lease_ends_at) FROM (
      SELECT s.lease_ends_at FROM shipments s
      WHERE s.account = push.account AND s.priority = 1 AND s.next_try_at < COALESCE(push.normal_at, $1) AND NOT s.success
      ORDER BY s.next_try_at LIMIT 100) held), hold_until_at
FROM push
UNION ALL
SELECT 'act', '', first_at, NULL FROM act
UNION ALL
SELECT 'act', '', (
    SELECT MIN(lease_ends_at) FROM (
      SELECT lease_ends_at FROM actions WHERE next_try_at < COALESCE((SELECT first_at FROM act), $1)
      ORDER BY next_try_at LIMIT 100) held), NULL
UNION ALL
SELECT 'allocate', '', first_at, NULL FROM allocate
UNION ALL
SELECT 'allocate', '', (
    SELECT MIN(lease_ends_at) FROM (
      SELECT lease_ends_at FROM shipments {{sqlite: INDEXED BY shipments_to_allocate}}
      WHERE state = 'allocating' AND allocate_at < COALESCE((SELECT first_at FROM allocate), $1)
      ORDER BY allocate_at LIMIT 100) held), NULL
UNION ALL
SELECT 'cancel', '', first_at, NULL FROM cancel
UNION ALL
SELECT 'cancel', '', (
    SELECT MIN(lease_ends_at) FROM (
      SELECT lease_ends_at FROM shipments
      WHERE next_try_at < COALESCE((SELECT first_at FROM cancel), $1) AND success
      ORDER BY next_try_at LIMIT 100) held), NULL
UNION ALL
-- A fallback follows a failure. What failed is read by the claim alone: here counts whether anything failed of late, or may
-- have another courier now, or is to be looked at again.
SELECT 'fallback', '', CASE WHEN EXISTS (SELECT 1 FROM courier_accounts WHERE fallback IS NOT NULL) THEN (
    SELECT updated_at FROM shipments {{sqlite: INDEXED BY shipments_to_replace}}
    WHERE state IN ('rejected', 'gave_up', 'retrying') AND updated_at >= $2
    ORDER BY updated_at DESC LIMIT 1) END, NULL
UNION ALL
SELECT 'fallback', '', (
    SELECT fallback_at FROM shipments {{sqlite: INDEXED BY shipments_fallback_later}}
    WHERE fallback_at >= $2 AND state IN ('rejected', 'gave_up', 'retrying')
    ORDER BY fallback_at LIMIT 1), NULL
UNION ALL
SELECT 'fallback', '', MAX(updated_at), NULL FROM courier_accounts WHERE fallback IS NOT NULL AND updated_at >= $2
UNION ALL
SELECT 'fallback', '', (
    SELECT updated_at FROM shipments {{sqlite: INDEXED BY shipments_placed_twice}}
    WHERE replaced_by IS NOT NULL AND success AND updated_at >= $2
    ORDER BY updated_at DESC LIMIT 1), NULL
UNION ALL
-- Whether what a shipment waits for is cancelled is in another row, of another shard: release reads them.
SELECT 'release', '', (SELECT updated_at FROM shipments WHERE waits_for IS NOT NULL ORDER BY shard, reference_number LIMIT 1), NULL
UNION ALL
SELECT 'release', '', raised_at, NULL FROM alarms WHERE cause = 'replacements.waiting' AND cleared_at IS NULL
UNION ALL
SELECT 'reconcile', '', (
    SELECT next_try_at FROM reconciliations WHERE next_try_at IS NOT NULL ORDER BY next_try_at LIMIT 1), NULL
UNION ALL
SELECT 'differences', '', (
    SELECT next_check_at FROM differences WHERE next_check_at IS NOT NULL ORDER BY next_check_at LIMIT 1), NULL
UNION ALL
-- Without a row they were never compared.
SELECT 'sync_couriers', '', COALESCE((SELECT next_at FROM courier_comparisons WHERE id = 1), $1), NULL
UNION ALL
SELECT 'apply', '', (SELECT due_at FROM inbox WHERE due_at IS NOT NULL ORDER BY due_at, id LIMIT 1), NULL
UNION ALL
SELECT 'apply', '', (SELECT received_at FROM inbox_batches ORDER BY first_id, shard LIMIT 1), NULL
UNION ALL
SELECT 'updated_order', '', (
    SELECT MIN(COALESCE(lease_ends_at, from_at)) FROM catch_up_windows WHERE done_at IS NULL), NULL
UNION ALL
SELECT 'updated_order', 'covered until', (
    SELECT to_at FROM catch_up_windows WHERE from_at = (SELECT MAX(from_at) FROM catch_up_windows)), NULL
UNION ALL
SELECT 'track_order', '', (
    SELECT next_poll_at FROM shipments WHERE next_poll_at IS NOT NULL ORDER BY next_poll_at LIMIT 1), NULL
UNION ALL
-- The limits are settings: app/due.py adds the shortest.
SELECT 'mark_stuck', 'counted from', (
    SELECT COALESCE(counted_from_at, placed_at) FROM shipments {{sqlite: INDEXED BY shipments_to_mark}}
    WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL AND COALESCE(counted_from_at, placed_at) IS NOT NULL
    ORDER BY COALESCE(counted_from_at, placed_at) LIMIT 1), NULL
UNION ALL
SELECT 'watch', '', (SELECT from_at FROM arrivals WHERE from_at >= $4 ORDER BY from_at DESC LIMIT 1), NULL
UNION ALL
SELECT 'notify', '', (SELECT due_at FROM milestones WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1), NULL
UNION ALL
SELECT 'notify', '', first_at, NULL FROM notify
UNION ALL
SELECT 'notify', '', (
    SELECT MIN(lease_ends_at) FROM (
      SELECT lease_ends_at FROM notices WHERE due_at < COALESCE((SELECT first_at FROM notify), $1)
      ORDER BY due_at LIMIT 100) held), NULL
UNION ALL
SELECT 'deliver_events', '', first_at, NULL FROM deliver_events
UNION ALL
SELECT 'deliver_events', '', (
    SELECT MIN(lease_ends_at) FROM (
      SELECT lease_ends_at FROM event_deliveries WHERE next_try_at < COALESCE((SELECT first_at FROM deliver_events), $1)
      ORDER BY next_try_at LIMIT 100) held), NULL
UNION ALL
SELECT 'alarm', '', (SELECT due_at FROM alarms WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1), NULL
UNION ALL
SELECT 'fetch_labels', '', first_at, NULL FROM fetch_labels
UNION ALL
SELECT 'fetch_labels', '', (
    SELECT MIN(lease_ends_at) FROM (
      SELECT lease_ends_at FROM labels WHERE next_try_at < COALESCE((SELECT first_at FROM fetch_labels), $1)
      ORDER BY next_try_at LIMIT 100) held), NULL
UNION ALL
-- Labels are fetched ahead for what was just placed, and once an account prints here.
SELECT 'fetch_labels', 'placed', (
    SELECT placed_at FROM shipments WHERE placed_at IS NOT NULL AND placed_at >= $2
    ORDER BY placed_at DESC, reference_number DESC LIMIT 1), NULL
UNION ALL
SELECT 'fetch_labels', 'printed', (
    SELECT printed_at FROM print_lines WHERE printed_at >= $2 ORDER BY printed_at DESC LIMIT 1), NULL
UNION ALL
SELECT 'follow_answers', '', (
    SELECT received_at FROM customer_answers WHERE state = 'received' ORDER BY received_at LIMIT 1), NULL
UNION ALL
SELECT 'follow_answers', '', (
    SELECT received_at FROM customer_answers WHERE state = 'sent' ORDER BY received_at LIMIT 1), NULL
UNION ALL
SELECT 'follow_answers', '', (
    SELECT received_at FROM customer_answers WHERE state = 'refused' AND received_at >= $3 ORDER BY received_at LIMIT 1), NULL
UNION ALL
SELECT 'index_orders', '', (
    SELECT created_at FROM shipments WHERE phone_tail IS NULL ORDER BY shard, reference_number LIMIT 1), NULL
UNION ALL
-- The first shipment behind each position; without a position, the first of all. In two looks: to compare both columns as
-- one, SQLite reads all rows of that time.
SELECT 'link_shipments', CAST(reached.id AS TEXT), COALESCE(
    (SELECT s.created_at FROM shipments s
     WHERE s.created_at = reached.until_at AND s.reference_number > reached.reference_number
     ORDER BY s.reference_number LIMIT 1),
    (SELECT s.created_at FROM shipments s
     WHERE s.created_at > reached.until_at ORDER BY s.created_at, s.reference_number LIMIT 1)), NULL
FROM track_link_progress reached
UNION ALL
SELECT 'link_shipments', pass.number, (SELECT created_at FROM shipments ORDER BY created_at, reference_number LIMIT 1), NULL
FROM (SELECT '1' AS number, 1 AS id UNION ALL SELECT '2', 2) pass
WHERE NOT EXISTS (SELECT 1 FROM track_link_progress reached WHERE reached.id = pass.id)
UNION ALL
SELECT 'schedule', job, MIN(next_try_at), NULL FROM runs WHERE finished_at IS NULL GROUP BY job
UNION ALL
SELECT 'erase', '', (
    SELECT next_try_at FROM erasures WHERE done_at IS NULL AND next_try_at IS NOT NULL ORDER BY next_try_at LIMIT 1), NULL
UNION ALL
SELECT 'archive', '', (
    SELECT next_try_at FROM archive_files WHERE archived_at IS NULL AND next_try_at IS NOT NULL
    ORDER BY next_try_at LIMIT 1), NULL
UNION ALL
SELECT 'archive', 'unfiled', (SELECT made_at FROM attempts WHERE archive_file IS NULL ORDER BY id LIMIT 1), NULL
UNION ALL
SELECT 'schema', '', MAX(applied_at), NULL FROM schema_migrations WHERE applied_at >= $2

-- name: on_the_way
-- Any parcel that may be late: by the index, which has this order.
SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM shipments {{sqlite: INDEXED BY shipments_stuck}}
    WHERE stuck_since_at IS NOT NULL AND state = 'placed' AND NOT final
    ORDER BY stuck_since_at, reference_number LIMIT 1)
  OR EXISTS (SELECT 1 FROM shipments {{sqlite: INDEXED BY shipments_to_mark}}
    WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL ORDER BY COALESCE(counted_from_at, placed_at) LIMIT 1)
