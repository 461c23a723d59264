-- name: begin
INSERT INTO reconciliations (id, identity, source, kind, name, day, state, windows, tries, next_try_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, '[]', 0, $8, $8)
ON CONFLICT (identity) DO NOTHING

-- name: by_identity
SELECT {{reconciliations.*}} FROM reconciliations WHERE identity = $1

-- name: get
SELECT {{reconciliations.*}} FROM reconciliations WHERE id = $1

-- name: newest
SELECT {{reconciliations.*}} FROM reconciliations WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: newest_by_itself
-- Those not requested by a person, by source; by the index of ids backwards.
SELECT {{reconciliations.*}} FROM reconciliations WHERE source = $1 AND state = 'done' AND finished_at > $2 ORDER BY id DESC LIMIT 1

-- name: claim
-- Moving next_try_at on is the lease: a worker that was killed has lost it when that time comes.
WITH chosen AS MATERIALIZED (
  SELECT id FROM reconciliations
  WHERE next_try_at <= $2 AND ($4{{postgres: ::bigint}} IS NULL OR id = $4)
  ORDER BY next_try_at LIMIT 1
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE reconciliations SET lease_owner = $1, next_try_at = $3, tries = tries + 1
WHERE id IN (SELECT id FROM chosen)
RETURNING {{reconciliations.*}}

-- name: renew
UPDATE reconciliations SET next_try_at = $3 WHERE id = $1 AND lease_owner = $2

-- name: counted
UPDATE reconciliations SET ours_placed = $3, theirs_placed = $4, theirs_tracked = $5 WHERE id = $1 AND lease_owner = $2

-- name: go_on
UPDATE reconciliations SET state = $3, windows = $4, problem = $5, tries = $6, next_try_at = $7, lease_owner = NULL
WHERE id = $1 AND lease_owner = $2

-- name: finish
UPDATE reconciliations SET state = $3, problem = $4, columns_read = $5, line_count = $6, matched = $7, repeated = $8,
  spoilt = $9, unreadable = $10, found = $11, finished_at = $12, partly = $13, not_understood = $14, next_try_at = NULL, lease_owner = NULL
WHERE id = $1 AND lease_owner = $2

-- name: add_part
INSERT INTO reconciliation_files (reconciliation_id, part, body) VALUES ($1, $2, $3)

-- name: part
SELECT body FROM reconciliation_files WHERE reconciliation_id = $1 AND part = $2

-- name: drop_file
DELETE FROM reconciliation_files WHERE reconciliation_id = $1

-- name: drop_orphans
-- Parts of files whose reconciliation never began: the process that stored them was killed.
DELETE FROM reconciliation_files
WHERE reconciliation_id < $1 AND reconciliation_id NOT IN (SELECT id FROM reconciliations)

-- name: count_placed
SELECT COUNT(*) AS placed FROM shipments WHERE placed_at >= $1 AND placed_at < $2

-- name: placed_between
SELECT placed_at, reference_number, waybill, courier_partner_id, state, status_code, status_at, last_tracked_at
FROM shipments
WHERE (placed_at, reference_number) > ($1, $2) AND placed_at < $3
ORDER BY placed_at, reference_number
LIMIT $4

-- name: ours_of
-- Many rows: reference number, shard.
{{keys}}
SELECT reference_number, waybill, courier_partner_id, state, status_code, status_at, last_tracked_at
FROM key {{sqlite: CROSS}} JOIN shipments
  ON shipments.shard = key.shard AND shipments.reference_number = key.value

-- name: ask_soon
-- Tracking asks for these at once, but not twice within the vendor's own interval; also for those it had given up.
UPDATE shipments SET next_poll_at = CASE WHEN last_polled_at > $3 THEN $4{{postgres: ::timestamptz}} ELSE $5 END,
  aged_out_at = NULL, polling_resumed_at = $5
WHERE waybill IS NOT NULL AND reference_number
  {{in $1::text[]}} AND shard {{in $2::smallint[]}}

-- name: push_again
-- Only while it is still as it was found missing there: placed, with that waybill, not to be cancelled or
-- replaced, and its payload whole. It stood there once: maybe_placed, until ClickPost has answered. It has not
-- ended, whatever the outcome of the first waybill: its payload is needed. The payload is the one it had, or (with its
-- version) one that carries what was edited at the courier since.
UPDATE shipments SET packed_payload = COALESCE($5, packed_payload),
  payload = CASE WHEN $5{{postgres: ::bytea}} IS NULL THEN payload ELSE '' END, payload_version = COALESCE($6, payload_version),
  state = 'ready', success = FALSE, no_of_retries = 0, problem = NULL, next_try_at = $4, waiting_since_at = NULL,
  maybe_placed = TRUE, held_version = COALESCE(payload_version, 1), settle_by = NULL, final = FALSE, aged_out_at = NULL, polling_resumed_at = $4, updated_at = $4
WHERE shard = $1 AND reference_number = $2 AND waybill = $3 AND state = 'placed' AND success
  AND cancel_requested_at IS NULL AND lease_owner IS NULL AND replaced_by IS NULL AND erased_at IS NULL
