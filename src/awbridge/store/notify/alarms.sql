-- name: raise_alarm
-- One row for each cause. A problem that persists is counted and not sent again. One that returns is sent again.
INSERT INTO alarms (cause, text, times, raised_at, last_at, due_at, tries) VALUES ($1, $2, 1, $3, $3, $3, 0)
ON CONFLICT (cause) DO UPDATE SET text = excluded.text, last_at = excluded.last_at,
  times = CASE WHEN alarms.cleared_at IS NULL THEN alarms.times + 1 ELSE 1 END,
  raised_at = CASE WHEN alarms.cleared_at IS NULL THEN alarms.raised_at ELSE excluded.raised_at END,
  notified_at = CASE WHEN alarms.cleared_at IS NULL THEN alarms.notified_at ELSE NULL END,
  due_at = CASE WHEN alarms.cleared_at IS NULL THEN alarms.due_at ELSE excluded.due_at END,
  tries = CASE WHEN alarms.cleared_at IS NULL THEN alarms.tries ELSE 0 END,
  cleared_at = NULL
RETURNING times

-- name: clear
-- An alarm that was never sent is cleared without a message.
UPDATE alarms SET cleared_at = $2, tries = 0, due_at = CASE WHEN notified_at IS NULL THEN NULL ELSE $2{{postgres: ::timestamptz}} END
WHERE cause = $1 AND cleared_at IS NULL

-- name: claim
-- Moving due_at ahead is the lease.
WITH chosen AS MATERIALIZED (
  SELECT cause FROM alarms WHERE due_at <= $1 ORDER BY due_at LIMIT $3
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE alarms SET due_at = $2, tries = tries + 1 WHERE cause IN (SELECT cause FROM chosen)
RETURNING {{alarms.*}}

-- name: notified
-- If it was cleared while it was being sent, its end is due.
UPDATE alarms SET notified_at = $3, due_at = CASE WHEN cleared_at IS NULL THEN NULL ELSE $3{{postgres: ::timestamptz}} END
WHERE cause = $1 AND raised_at = $2 AND notified_at IS NULL

-- name: end_notified
UPDATE alarms SET due_at = NULL WHERE cause = $1 AND raised_at = $2 AND cleared_at IS NOT NULL

-- name: again_at
UPDATE alarms SET due_at = $3 WHERE cause = $1 AND raised_at = $2 AND due_at IS NOT NULL

-- name: all
SELECT {{alarms.*}} FROM alarms ORDER BY raised_at DESC, cause

-- name: open
SELECT {{alarms.*}} FROM alarms WHERE cleared_at IS NULL ORDER BY raised_at, cause

-- name: since
-- For the digest: what is open, and what came and went since then.
SELECT {{alarms.*}} FROM alarms WHERE cleared_at IS NULL OR cleared_at >= $1 ORDER BY raised_at, cause

-- name: digest_of
SELECT due_at FROM digests WHERE day = $1

-- name: start_digest
INSERT INTO digests (day, due_at, sent) VALUES ($1, $2, FALSE) ON CONFLICT (day) DO NOTHING

-- name: claim_digest
UPDATE digests SET due_at = $3 WHERE day = $1 AND due_at <= $2

-- name: end_digest
UPDATE digests SET due_at = NULL, sent = $2 WHERE day = $1
