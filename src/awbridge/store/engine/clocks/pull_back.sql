-- What a clock that was ahead has dated. What happened is dated now, at the latest. What is due is due as long from now as
-- it was from the time at which that was written, where this is known; else now. $1 is now; $2, where it stands, the end of
-- the longest lease that begins now; $3 is said where it is used.

-- name: shipments
-- $3: when tracking is asked for what was asked for meanwhile. By way of UTC, as Citus refuses to add to a TIMESTAMPTZ in
-- CASE: that depends on the session's zone.
UPDATE shipments SET
  next_try_at = CASE WHEN next_try_at <= $1 THEN next_try_at WHEN updated_at <= $1 THEN next_try_at
    WHEN next_try_at <= updated_at THEN $1{{postgres: ::timestamptz}}
    ELSE {{postgres: ($1::timestamptz AT TIME ZONE 'UTC' + (next_try_at - updated_at)) AT TIME ZONE 'UTC'}}
      {{sqlite: strftime('%Y-%m-%dT%H:%M:%f', julianday($1) + julianday(next_try_at) - julianday(updated_at)) || '000Z'}}
    END,
  next_poll_at = CASE WHEN next_poll_at > $3 THEN $3 ELSE next_poll_at END,
  allocate_at = CASE WHEN allocate_at > $1 THEN $1 ELSE allocate_at END,
  fallback_at = CASE WHEN fallback_at > $1 THEN $1 ELSE fallback_at END,
  lease_ends_at = CASE WHEN lease_ends_at > $2 THEN $2 ELSE lease_ends_at END,
  updated_at = CASE WHEN updated_at > $1 THEN $1 ELSE updated_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END,
  fallback_seen_at = CASE WHEN fallback_seen_at > $1 THEN $1 ELSE fallback_seen_at END,
  waiting_since_at = CASE WHEN waiting_since_at > $1 THEN $1 ELSE waiting_since_at END,
  payload_changed_at = CASE WHEN payload_changed_at > $1 THEN $1 ELSE payload_changed_at END,
  cancel_requested_at = CASE WHEN cancel_requested_at > $1 THEN $1 ELSE cancel_requested_at END,
  cancel_since_at = CASE WHEN cancel_since_at > $1 THEN $1 ELSE cancel_since_at END,
  sent_at = CASE WHEN sent_at > $1 THEN $1 ELSE sent_at END,
  placed_at = CASE WHEN placed_at > $1 THEN $1 ELSE placed_at END,
  last_polled_at = CASE WHEN last_polled_at > $1 THEN $1 ELSE last_polled_at END,
  last_tracked_at = CASE WHEN last_tracked_at > $1 THEN $1 ELSE last_tracked_at END,
  aged_out_at = CASE WHEN aged_out_at > $1 THEN $1 ELSE aged_out_at END,
  polling_resumed_at = CASE WHEN polling_resumed_at > $1 THEN $1 ELSE polling_resumed_at END,
  settled_at = CASE WHEN settled_at > $1 THEN $1 ELSE settled_at END,
  counted_from_at = CASE WHEN counted_from_at > $1 THEN NULL ELSE counted_from_at END
WHERE counted_from_at > $1 OR created_at > $1 OR updated_at > $1 OR last_polled_at > $1 OR last_tracked_at > $1 OR lease_ends_at > $2 OR sent_at > $1

-- name: labels
UPDATE labels SET
  next_try_at = CASE WHEN next_try_at > $1 THEN $1 ELSE next_try_at END,
  lease_ends_at = CASE WHEN lease_ends_at > $2 THEN $2 ELSE lease_ends_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END
WHERE next_try_at > $1 OR lease_ends_at > $2 OR created_at > $1

-- name: actions
UPDATE actions SET
  next_try_at = CASE WHEN next_try_at > $1 THEN $1 ELSE next_try_at END,
  lease_ends_at = CASE WHEN lease_ends_at > $2 THEN $2 ELSE lease_ends_at END,
  requested_at = CASE WHEN requested_at > $1 THEN $1 ELSE requested_at END,
  updated_at = CASE WHEN updated_at > $1 THEN $1 ELSE updated_at END,
  done_at = CASE WHEN done_at > $1 THEN $1 ELSE done_at END,
  retried_at = CASE WHEN retried_at > $1 THEN $1 ELSE retried_at END
WHERE requested_at > $1 OR updated_at > $1 OR lease_ends_at > $2

-- name: event_deliveries
UPDATE event_deliveries SET
  next_try_at = CASE WHEN next_try_at > $1 AND updated_at > $1 THEN $1 ELSE next_try_at END,
  lease_ends_at = CASE WHEN lease_ends_at > $2 THEN $2 ELSE lease_ends_at END,
  updated_at = CASE WHEN updated_at > $1 THEN $1 ELSE updated_at END
WHERE next_try_at IS NOT NULL AND (updated_at > $1 OR lease_ends_at > $2)

-- name: notices
-- Whether a notice may go now, in quiet hours say, is decided again when it is due.
UPDATE notices SET due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END,
  lease_ends_at = CASE WHEN lease_ends_at > $2 THEN $2 ELSE lease_ends_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END
WHERE due_at > $1 OR (due_at IS NOT NULL AND lease_ends_at > $2)

-- name: suppressed_notices
-- What was suppressed meanwhile may be fresh after all.
UPDATE notices SET state = 'due', due_at = $1, settled_at = NULL
WHERE state = 'suppressed' AND settled_at > $1

-- name: milestones
UPDATE milestones SET due_at = $1, reached_at = CASE WHEN reached_at > $1 THEN $1 ELSE reached_at END WHERE due_at > $1

-- name: inbox
UPDATE inbox SET due_at = $1 WHERE due_at > $1

-- name: account_states
UPDATE account_states SET
  since_at = CASE WHEN since_at > $1 THEN $1 ELSE since_at END,
  probe_at = CASE WHEN probe_at > $1 THEN $1 ELSE probe_at END,
  rest_until_at = CASE WHEN rest_until_at > $1 THEN $1 ELSE rest_until_at END,
  window_at = CASE WHEN window_at > $1 THEN $1 ELSE window_at END,
  good_at = CASE WHEN good_at > $1 THEN $1 ELSE good_at END,
  ramp_at = CASE WHEN ramp_at > $1 THEN $1 ELSE ramp_at END,
  tokens_at = CASE WHEN tokens_at > $1 THEN $1 ELSE tokens_at END,
  served_at = CASE WHEN served_at > $1 THEN $1 ELSE served_at END
WHERE since_at > $1 OR probe_at > $1 OR rest_until_at > $1 OR window_at > $1 OR good_at > $1 OR ramp_at > $1
  OR tokens_at > $1 OR served_at > $1

-- name: windows_to_come
-- Their minutes had not come when they were asked for.
DELETE FROM catch_up_windows WHERE to_at > $1

-- name: windows
-- Asked for by a clock that was ahead: their minutes may not have been over.
UPDATE catch_up_windows SET done_at = NULL, lease_ends_at = NULL, items = 0, next_page = NULL, page_at = NULL
WHERE done_at > $1 OR (done_at IS NULL AND lease_ends_at > $2)

-- name: runs_ahead
SELECT job, due_at, started_at FROM runs WHERE due_at > $1 OR started_at > $1

-- name: drop_run
DELETE FROM runs WHERE job = $1 AND due_at = $2

-- name: runs
UPDATE runs SET next_try_at = CASE WHEN next_try_at > $2 THEN $2 ELSE next_try_at END,
  started_at = CASE WHEN started_at > $1 THEN $1 ELSE started_at END,
  finished_at = CASE WHEN finished_at > $1 THEN $1 ELSE finished_at END
WHERE next_try_at > $2 OR started_at > $1 OR finished_at > $1

-- name: reports_ahead
SELECT id, day, created_at FROM reports WHERE created_at > $1

-- name: mail_again
UPDATE reports SET mailed_at = NULL, mail_lease_ends_at = NULL WHERE id = $1

-- name: reports
UPDATE reports SET mailed_at = CASE WHEN mailed_at > $1 THEN $1 ELSE mailed_at END,
  mail_lease_ends_at = CASE WHEN mail_lease_ends_at > $2 THEN $2 ELSE mail_lease_ends_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END
WHERE created_at > $1 OR mailed_at > $1 OR mail_lease_ends_at > $2

-- name: digests
-- $1: the end of the longest lease that begins now.
UPDATE digests SET due_at = $1 WHERE due_at > $1

-- name: digests_to_come
-- $1: today, in the account's zone.
DELETE FROM digests WHERE day > $1

-- name: reconciliations_ahead
SELECT id, day, created_at FROM reconciliations WHERE source = 'schedule' AND day IS NOT NULL AND created_at > $1

-- name: compare_again
-- The day is compared once more when it is over, under the name that this run gives up.
UPDATE reconciliations SET identity = identity || ':too-early:' || CAST(id AS TEXT) WHERE id = $1

-- name: reconciliations
UPDATE reconciliations SET next_try_at = CASE WHEN next_try_at > $2 THEN $2 ELSE next_try_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END,
  finished_at = CASE WHEN finished_at > $1 THEN $1 ELSE finished_at END
WHERE next_try_at > $2 OR created_at > $1 OR finished_at > $1

-- name: differences
UPDATE differences SET next_check_at = $1 WHERE next_check_at > $1

-- name: archive_files
UPDATE archive_files SET next_try_at = CASE WHEN next_try_at > $2 THEN $2 ELSE next_try_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END,
  archived_at = CASE WHEN archived_at > $1 THEN $1 ELSE archived_at END,
  emptied_at = CASE WHEN emptied_at > $1 THEN $1 ELSE emptied_at END
WHERE next_try_at > $2 OR created_at > $1 OR archived_at > $1 OR emptied_at > $1

-- name: attempts
UPDATE attempts SET made_at = $1 WHERE made_at > $1

-- name: erasures
UPDATE erasures SET next_try_at = CASE WHEN next_try_at > $2 THEN $2 ELSE next_try_at END,
  requested_at = CASE WHEN requested_at > $1 THEN $1 ELSE requested_at END
WHERE next_try_at > $2 OR requested_at > $1

-- name: alarms
UPDATE alarms SET raised_at = CASE WHEN raised_at > $1 THEN $1 ELSE raised_at END,
  last_at = CASE WHEN last_at > $1 THEN $1 ELSE last_at END,
  cleared_at = CASE WHEN cleared_at > $1 THEN $1 ELSE cleared_at END,
  notified_at = CASE WHEN notified_at > $1 THEN $1 ELSE notified_at END,
  due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END
WHERE raised_at > $1 OR last_at > $1 OR cleared_at > $1 OR notified_at > $1 OR due_at > $1

-- name: endpoints
UPDATE endpoints SET last_success_at = CASE WHEN last_success_at > $1 THEN $1 ELSE last_success_at END,
  failing_since_at = CASE WHEN failing_since_at > $1 THEN $1 ELSE failing_since_at END
WHERE last_success_at > $1 OR failing_since_at > $1

-- name: courier_comparisons
UPDATE courier_comparisons SET next_at = $1, compared_at = CASE WHEN compared_at > $1 THEN $1 ELSE compared_at END
WHERE next_at > $1

-- name: reused_waybills
UPDATE reused_waybills SET since_at = CASE WHEN since_at > $1 THEN $1 ELSE since_at END,
  created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END
WHERE since_at > $1 OR created_at > $1

-- name: track_link_progress
UPDATE track_link_progress SET until_at = $1 WHERE until_at > $1

-- name: arrivals
DELETE FROM arrivals WHERE from_at > $1

-- name: answer_tries
UPDATE answer_tries SET since_at = $1 WHERE since_at > $1

-- name: account_wakes
-- Every account is looked at again.
UPDATE account_wakes SET due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END,
  open_at = CASE WHEN open_at > $1 THEN $1 ELSE open_at END
WHERE due_at > $1 OR open_at > $1

-- name: webhook_keys
UPDATE webhook_keys SET created_at = $1 WHERE created_at > $1

-- name: webhook_refusals
UPDATE webhook_refusals SET last_at = $1 WHERE last_at > $1
