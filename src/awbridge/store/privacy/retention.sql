-- name: calls_page
-- Where no archive is set, nothing is waited for.
SELECT id, made_at AS noted_at, 1 AS settled FROM attempts WHERE shard = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: calls_drop
DELETE FROM attempts WHERE shard = $1 AND id {{in $2::bigint[]}}

-- name: calls_needed
-- Of a month that has a partition. Here and below, the time of the row counts too, should it be another than that of its id.
{{postgres: SELECT EXISTS (SELECT 1 FROM attempts WHERE id >= $1 AND id < $2 AND made_at >= $3) AS needed}}

-- name: archived_calls_page
SELECT a.id, a.made_at AS noted_at,
  CASE WHEN a.archive_file = 0 OR (f.archived_at IS NOT NULL AND f.emptied_at IS NULL) THEN 1 ELSE 0 END AS settled
FROM attempts a LEFT JOIN archive_files f ON f.id = a.archive_file
WHERE a.shard = $1 AND a.id > $2 ORDER BY a.id LIMIT $3

-- name: archived_calls_drop
-- Looked at again: the archive may have been emptied since the page was read.
DELETE FROM attempts WHERE shard = $1 AND id {{in $2::bigint[]}}
  AND (archive_file = 0 OR EXISTS (
    SELECT 1 FROM archive_files f
    WHERE f.id = attempts.archive_file AND f.archived_at IS NOT NULL AND f.emptied_at IS NULL))

-- name: archived_calls_needed
-- As archived_calls_drop, for a month: each part reads an index.
{{postgres: SELECT EXISTS (SELECT 1 FROM attempts WHERE id >= $1 AND id < $2 AND archive_file IS NULL)
  OR EXISTS (SELECT 1 FROM attempts WHERE id >= $1 AND id < $2 AND made_at >= $3)
  OR EXISTS (
    SELECT 1 FROM archive_files f WHERE (f.archived_at IS NULL OR f.emptied_at IS NOT NULL) AND EXISTS (
      SELECT 1 FROM attempts a WHERE a.archive_file = f.id AND a.archive_file > 0 AND a.id >= $1 AND a.id < $2))
  AS needed}}

-- fragment: applied_delivery
due_at IS NULL AND waiting_for IS NULL AND (problem IS NULL OR applied_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM inbox_batches WHERE inbox_batches.first_id <= inbox.id)

-- name: inbox_page
-- Due, waiting and dead-lettered deliveries are kept regardless of their age. What is older than the oldest batch is in none.
SELECT id, received_at AS noted_at, CASE WHEN {{applied_delivery}} THEN 1 ELSE 0 END AS settled
FROM inbox WHERE shard = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: inbox_drop
DELETE FROM inbox WHERE shard = $1 AND id {{in $2::bigint[]}}
  AND {{applied_delivery}}

-- name: update_sources_drop
-- An update source is useless without its delivery.
DELETE FROM update_sources WHERE delivery_shard = $1 AND delivery_id {{in $2::bigint[]}}
  AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.shard = update_sources.delivery_shard AND i.id = update_sources.delivery_id)

-- name: scans_page
-- The status of an open shipment is derived from its scans: they stay until it has ended.
SELECT c.id, c.received_at AS noted_at, CASE WHEN s.final OR s.state = 'cancelled' THEN 1 ELSE 0 END AS settled
FROM scans c JOIN shipments s ON s.shard = c.shard AND s.reference_number = c.reference_number
WHERE c.shard = $1 AND c.id > $2 ORDER BY c.id LIMIT $3

-- name: promises_drop
-- The expected dates that a shipment was given are part of its timeline: they go with the first of its scans.
DELETE FROM promises WHERE shard = $1 AND reference_number IN (
  SELECT c.reference_number FROM scans c WHERE c.shard = $1 AND c.id {{in $2::bigint[]}})

-- name: scans_drop
DELETE FROM scans WHERE shard = $1 AND id {{in $2::bigint[]}}

-- name: notices_page
-- Notices that are due, delayed or being sent are not settled. The milestone's row ensures that it is sent once. On
-- PostgreSQL the key begins with the id: the notices of all shards are read as those of the first.
SELECT id, created_at AS noted_at, CASE WHEN due_at IS NULL THEN 1 ELSE 0 END AS settled
FROM notices WHERE {{sqlite: shard = $1}}{{postgres: $1::smallint = 0}} AND id > $2 ORDER BY id LIMIT $3

-- name: notices_drop
DELETE FROM notices
WHERE {{sqlite: shard = $1}}{{postgres: $1::smallint = 0}} AND id {{in $2::bigint[]}} AND due_at IS NULL

-- fragment: of_an_endpoint
{{postgres: AND d.endpoint_id IN (SELECT id FROM endpoints)}}

-- name: events_page
-- Events that are due, even for a disabled endpoint, must still be sent. PostgreSQL finds deliveries by endpoint and event.
SELECT e.id, e.created_at AS noted_at, CASE WHEN EXISTS (
    SELECT 1 FROM event_deliveries d WHERE d.shard = e.shard AND d.event_id = e.id AND d.state = 'due' {{of_an_endpoint}}
  ) THEN 0 ELSE 1 END AS settled
FROM events e WHERE e.shard = $1 AND e.id > $2 ORDER BY e.id LIMIT $3

-- name: events_needed
-- $3 is not read: an event gets its id when it is written.
{{postgres: SELECT EXISTS (
  SELECT 1 FROM endpoints e WHERE EXISTS (
    SELECT 1 FROM event_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'due' AND d.state <> 'delivered'
      AND d.event_id >= $1 AND d.event_id < $2)) OR $3::timestamptz IS NULL AS needed}}

-- name: event_deliveries_drop
DELETE FROM event_deliveries AS d WHERE d.shard = $1 AND d.event_id {{in $2::bigint[]}}
  AND d.state <> 'due' {{of_an_endpoint}}

-- name: events_drop
DELETE FROM events WHERE shard = $1 AND id {{in $2::bigint[]}}
  AND NOT EXISTS (SELECT 1 FROM event_deliveries d WHERE d.shard = events.shard AND d.event_id = events.id
    {{of_an_endpoint}})

-- name: runs_drop
-- The latest of each job stays: it says from when on the next one is due.
WITH chosen AS MATERIALIZED (
  SELECT job, due_at FROM runs WHERE due_at < $1 AND finished_at IS NOT NULL
    AND due_at < (SELECT MAX(other.due_at) FROM runs other WHERE other.job = runs.job)
  ORDER BY due_at LIMIT $2
)
DELETE FROM runs
WHERE (job, due_at) IN (SELECT job, due_at FROM chosen)

-- name: replays_drop
WITH chosen AS MATERIALIZED (
  SELECT started_at FROM replays WHERE done_at < $1 ORDER BY started_at LIMIT $2
)
DELETE FROM replays
WHERE started_at IN (SELECT started_at FROM chosen)

-- name: windows_drop
-- What is not covered stays until it is, and the latest says where the next one begins.
WITH chosen AS MATERIALIZED (
  SELECT from_at FROM catch_up_windows
  WHERE to_at < $1 AND done_at IS NOT NULL AND to_at < (SELECT MAX(to_at) FROM catch_up_windows)
  ORDER BY from_at LIMIT $2
)
DELETE FROM catch_up_windows
WHERE from_at IN (SELECT from_at FROM chosen)

-- name: alarms_drop
-- Cleared, and its end sent if its beginning was. Checked again: an alarm raised again meanwhile stays.
WITH chosen AS MATERIALIZED (
  SELECT cause FROM alarms WHERE cleared_at < $1 AND due_at IS NULL ORDER BY cause LIMIT $2
)
DELETE FROM alarms
WHERE cleared_at < $1 AND due_at IS NULL AND cause IN (SELECT cause FROM chosen)

-- name: digests_drop
WITH chosen AS MATERIALIZED (
  SELECT day FROM digests WHERE day < $1 AND due_at IS NULL ORDER BY day LIMIT $2
)
DELETE FROM digests
WHERE day IN (SELECT day FROM chosen)

-- name: sessions_drop
-- Sessions that ended so long ago; those that people ended are gone already.
WITH chosen AS MATERIALIZED (
  SELECT token_sha256 FROM sessions WHERE ends_at < $1 ORDER BY ends_at LIMIT $2
)
DELETE FROM sessions
WHERE token_sha256 IN (SELECT token_sha256 FROM chosen)

-- name: audit_log_drop
WITH chosen AS MATERIALIZED (
  SELECT id FROM audit_log WHERE id < $1 ORDER BY id LIMIT $2
)
DELETE FROM audit_log
WHERE id IN (SELECT id FROM chosen)

-- name: actions_page
-- Kept beyond their days: what is still to be made or needs a person while its shipment is on its way; what was asked
-- under a key that still counts (asked since $5): it must be known when it is asked again; and edits that a new
-- registration would have to carry.
SELECT a.shard, a.id, a.requested_at, CASE WHEN a.next_try_at IS NULL AND (a.idempotency_key IS NULL OR a.requested_at < $5)
    AND (a.state = 'done' OR s.final OR s.state = 'cancelled')
    AND (a.kind <> 'edit' OR s.reference_number IS NULL OR s.erased_at IS NOT NULL) THEN 1 ELSE 0 END AS settled
FROM actions a LEFT JOIN shipments s ON s.shard = a.shard AND s.reference_number = a.reference_number
WHERE (a.requested_at, a.id) > ($1, $2) AND a.requested_at < $3
ORDER BY a.requested_at, a.id LIMIT $4

-- name: actions_drop
DELETE FROM actions WHERE shard = $1 AND id = $2 AND next_try_at IS NULL

-- name: reconciliations_page
-- Runs that are over, and of which no difference is looked at again by itself.
SELECT r.id FROM reconciliations r
WHERE r.id > $1 AND r.finished_at < $2 AND NOT EXISTS (
  SELECT 1 FROM differences d WHERE d.reconciliation_id = r.id AND d.next_check_at IS NOT NULL)
ORDER BY r.id LIMIT $3

-- name: differences_drop
WITH chosen AS MATERIALIZED (
  SELECT shard, reconciliation_id, kind, item FROM differences
  WHERE reconciliation_id = $1 AND next_check_at IS NULL ORDER BY reconciliation_id, id LIMIT $2
)
DELETE FROM differences
WHERE (shard, reconciliation_id, kind, item) IN (SELECT shard, reconciliation_id, kind, item FROM chosen)

-- name: reconciliation_drop
DELETE FROM reconciliations WHERE id = $1
  AND NOT EXISTS (SELECT 1 FROM differences d WHERE d.reconciliation_id = $1)

-- name: archive_files_page
-- Files whose calls have left the table: while they are there, the archive is what they wait for.
SELECT {{archive_files.*}} FROM archive_files
WHERE id > $1 AND archived_at < $2 AND NOT EXISTS (
  SELECT 1 FROM attempts a WHERE a.archive_file = archive_files.id AND a.archive_file > 0)
ORDER BY id LIMIT $3

-- name: archive_file_drop
DELETE FROM archive_files WHERE id = $1

-- name: ended_payloads
-- more: it had other payloads, actions, or answers of its customer. What is still to be done about it needs its address.
SELECT shard, reference_number, payload, packed_payload, problem, created_at,
  CASE WHEN payload_version > 1 OR EXISTS (
    SELECT 1 FROM actions a WHERE a.shard = shipments.shard AND a.reference_number = shipments.reference_number
  ) OR EXISTS (
    SELECT 1 FROM customer_answers c WHERE c.shard = shipments.shard AND c.reference_number = shipments.reference_number
  ) THEN 1 ELSE 0 END AS more
FROM shipments WHERE created_at < $1 AND (created_at, reference_number) > ($2, $3) AND erased_at IS NULL
  AND (final OR state = 'cancelled') AND NOT EXISTS (
    SELECT 1 FROM actions a WHERE a.shard = shipments.shard AND a.reference_number = shipments.reference_number
      AND a.next_try_at IS NOT NULL)
ORDER BY created_at, reference_number LIMIT $4

-- name: set_payload
UPDATE shipments SET payload = '', packed_payload = $3, problem = $4, erased_at = $5, phone_tail = ''
WHERE shard = $1 AND reference_number = $2
RETURNING link_generation

-- name: answers_drop
-- What still waits for an operator, or for the courier, is kept.
WITH chosen AS MATERIALIZED (
  SELECT shard, id FROM customer_answers WHERE received_at < $1 AND state NOT IN ('received', 'sent')
  ORDER BY received_at LIMIT $2
)
DELETE FROM customer_answers WHERE (shard, id) IN (SELECT shard, id FROM chosen) AND state NOT IN ('received', 'sent')

-- name: answer_tries_drop
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number FROM answer_tries WHERE since_at < $1 ORDER BY since_at LIMIT $2
)
DELETE FROM answer_tries
WHERE since_at < $1 AND (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)

-- name: labels_drop
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number, piece FROM labels WHERE created_at < $1 ORDER BY created_at LIMIT $2
)
DELETE FROM labels WHERE (shard, reference_number, piece) IN (SELECT shard, reference_number, piece FROM chosen)

-- name: print_lines_drop
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number, run FROM print_lines WHERE printed_at < $1 ORDER BY printed_at LIMIT $2
)
DELETE FROM print_lines WHERE (shard, reference_number, run) IN (SELECT shard, reference_number, run FROM chosen)

-- name: print_runs_drop
WITH chosen AS MATERIALIZED (
  SELECT id FROM print_runs WHERE created_at < $1
    AND NOT EXISTS (SELECT 1 FROM print_lines l WHERE l.run = print_runs.id) ORDER BY id LIMIT $2
)
DELETE FROM print_runs WHERE id IN (SELECT id FROM chosen)

-- name: manifest_lines_drop
WITH chosen AS MATERIALIZED (
  SELECT l.shard, l.reference_number FROM manifests m JOIN manifest_lines l ON l.manifest = m.number
  WHERE m.created_at < $1 ORDER BY m.created_at, m.number LIMIT $2
)
DELETE FROM manifest_lines WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)

-- name: manifests_drop
-- The latest one stays: numbers are given once.
WITH chosen AS MATERIALIZED (
  SELECT number FROM manifests WHERE created_at < $1 AND number < (SELECT MAX(number) FROM manifests)
    AND NOT EXISTS (SELECT 1 FROM manifest_lines l WHERE l.manifest = manifests.number) ORDER BY created_at LIMIT $2
)
DELETE FROM manifests WHERE number IN (SELECT number FROM chosen)
