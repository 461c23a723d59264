-- name: shipments
-- $1: the point, $2: now. What was not placed then may have been sent since: ClickPost is asked by the repeated call before
-- it counts as not placed. One that waits for another's cancellation is sent after that; an ended one is not sent.
UPDATE shipments SET maybe_placed = TRUE, sent_at = COALESCE(sent_at, $1), lease_owner = NULL, lease_ends_at = NULL,
  held_version = CASE WHEN state = 'waiting' THEN held_version ELSE COALESCE(held_version, payload_version, 1) END,
  next_try_at = CASE WHEN next_try_at IS NOT NULL THEN $2{{postgres: ::timestamptz}} END
WHERE NOT success AND waits_for IS NULL AND state IN ('ready', 'retrying', 'waiting', 'held', 'allocating')

-- name: polls
-- Every open timeline is asked for: webhooks since then are gone, and ClickPost does not send them again.
UPDATE shipments SET next_poll_at = $1 WHERE next_poll_at > $1

-- name: pickups
-- $1: until when they may have been booked, $2: now, $3: the problem. A second call sends a second van.
UPDATE actions SET state = 'unclear', problem = $3, next_try_at = NULL, lease_owner = NULL, lease_ends_at = NULL,
  updated_at = $2
WHERE kind = 'pickup' AND state IN ('due', 'waiting') AND next_try_at <= $1

-- name: open_notices
SELECT (SELECT COUNT(*) FROM notices WHERE due_at IS NOT NULL AND due_at <= $1)
  + (SELECT COUNT(*) FROM milestones WHERE due_at IS NOT NULL AND due_at <= $1) AS notices

-- name: reports
UPDATE reports SET mailed_at = $1, mailed_to = 0, mail_lease_ends_at = NULL WHERE mailed_at IS NULL

-- name: end_runs
UPDATE runs SET finished_at = $3, result = $4, problem = NULL, next_try_at = NULL, lease_owner = NULL
WHERE job = $1 AND finished_at IS NULL AND due_at <= $2

-- name: skip_run
INSERT INTO runs (job, due_at, tries, finished_at, result) VALUES ($1, $2, 0, $3, $4)
ON CONFLICT (job, due_at) DO NOTHING

-- name: skip_digest
INSERT INTO digests (day, due_at, sent) VALUES ($1, NULL, FALSE) ON CONFLICT (day) DO UPDATE SET due_at = NULL

-- name: sessions
DELETE FROM sessions

-- name: links
UPDATE people SET link_sha256 = NULL, link_ends_at = NULL, updated_at = $1 WHERE link_sha256 IS NOT NULL

-- name: last_manifest
SELECT COALESCE(MAX(number), 0) AS number FROM (
  SELECT MAX(number) AS number FROM manifests UNION ALL SELECT MAX(last_manifest) FROM restores
) AS used

-- name: uncovered
-- Up to where updated-order is covered: the first window that is not done, else the end of the last.
SELECT COALESCE((SELECT MIN(from_at) FROM catch_up_windows WHERE done_at IS NULL),
  (SELECT MAX(to_at) FROM catch_up_windows)) AS covered_at

-- name: kept_access
SELECT (SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL) AS api_keys,
  (SELECT COUNT(*) FROM webhook_keys) AS webhook_keys, (SELECT COUNT(*) FROM endpoints) AS endpoints,
  (SELECT COUNT(*) FROM people WHERE disabled_at IS NULL) AS people

-- name: services
-- PostgreSQL: connections of awbridge to this database that are older than this one: of a service, which keeps some open.
{{postgres: SELECT COUNT(*) AS connections FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'awbridge'
  AND backend_start < (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()) - INTERVAL '5 seconds'}}
{{sqlite: SELECT 0 AS connections}}
