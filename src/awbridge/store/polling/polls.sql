-- name: age_out
-- Silent too long: no newer status, not placed and not wanted back since. Off the schedule and onto a person's list.
-- Only the first that are due are looked at: in a backlog, looking for one among all would take longer than asking.
WITH due AS MATERIALIZED (
  SELECT shard, reference_number, status_at, placed_at, polling_resumed_at FROM shipments
  WHERE next_poll_at <= $1 AND waybill IS NOT NULL AND NOT final
  ORDER BY next_poll_at
  LIMIT $3
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET aged_out_at = $1, next_poll_at = NULL
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM due
  WHERE COALESCE(status_at, placed_at) < $2 AND placed_at < $2 AND COALESCE(polling_resumed_at, placed_at) < $2
)

-- name: due_soon
-- The next to poll, by courier, among the earliest due: enough to fill calls, and bounded.
SELECT courier_partner_id, COUNT(*) AS shipments, MIN(next_poll_at) AS first_at FROM (
  SELECT courier_partner_id, next_poll_at FROM shipments
  WHERE next_poll_at <= $1 AND waybill IS NOT NULL AND (last_polled_at IS NULL OR last_polled_at <= $2)
  ORDER BY next_poll_at
  LIMIT $3
) soon
GROUP BY courier_partner_id ORDER BY first_at, courier_partner_id

-- name: open_by_courier
-- Reads every open shipment: for a person who asks what polling costs, not for a loop.
SELECT courier_partner_id, COUNT(*) AS shipments,
  COUNT(CASE WHEN COALESCE(last_tracked_at, placed_at) < $1 THEN 1 END) AS silent
FROM shipments WHERE state = 'placed' AND NOT final AND aged_out_at IS NULL
GROUP BY courier_partner_id

-- name: claim_due_polls
-- Moving next_poll_at ahead is the lease: no process polls the same shipment before it. As an index changes anyway, the limit
-- of a stuck parcel is counted from the newest scan (see schema.sql), so that mark_stuck need not look. Materialized: a planner that runs the
-- choice again for each row would take more than the limit.
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number FROM shipments
  WHERE next_poll_at <= $4 AND waybill IS NOT NULL AND courier_partner_id = $5
    AND (last_polled_at IS NULL OR last_polled_at <= $6)
  ORDER BY next_poll_at
  LIMIT $3
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET next_poll_at = $2, last_polled_at = $1,
  counted_from_at = CASE WHEN status_at > COALESCE(counted_from_at, placed_at) THEN status_at ELSE counted_from_at END
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING reference_number, waybill, courier_partner_id

-- name: record_poll
-- Also where a person asked, without a claim: the schedule does not ask again soon after.
UPDATE shipments SET last_polled_at = $4, next_poll_at = CASE WHEN final OR aged_out_at IS NOT NULL THEN NULL
  ELSE $3{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2

-- name: resume_polling
-- Requested by a person, or named in a report: polled at once, but not twice within the vendor's own interval.
UPDATE shipments SET aged_out_at = NULL, polling_resumed_at = $3,
  next_poll_at = CASE WHEN last_polled_at > $4 THEN $5{{postgres: ::timestamptz}} ELSE $3 END
WHERE shard = $1 AND reference_number = $2 AND waybill IS NOT NULL AND NOT final

-- name: aged_out
SELECT {{shipments.*}} FROM shipments
WHERE aged_out_at IS NOT NULL AND (aged_out_at, reference_number) < ($1, $2)
ORDER BY aged_out_at DESC, reference_number DESC
LIMIT $3

-- name: count_aged_out
SELECT COUNT(*) AS shipments FROM shipments WHERE aged_out_at IS NOT NULL

-- name: count_placed
-- How many a complete catch-up by hand comprises.
SELECT COUNT(*) AS shipments FROM shipments WHERE waybill IS NOT NULL

-- name: placed_after
-- All that hold a waybill, page by page, for a complete catch-up by hand.
SELECT shard, reference_number, waybill, courier_partner_id FROM shipments
WHERE waybill IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3
