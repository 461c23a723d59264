-- name: claim
-- One row in for each account: as many of its shipments as it has turns, oldest due first. A lease that ran out is
-- anybody's: its worker was killed, or is too slow to be believed. Its call may have placed the order.
-- Of an account that the caller has not locked, only what nothing limits is taken: its state may have changed since.
{{postgres:
WITH due AS MATERIALIZED (
  SELECT turn.owner, turn.until, turn.now, due.shard, due.reference_number
  FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::smallint[], $6::integer[], $7::boolean[])
    AS turn (owner, until, now, account, priority, number, locked)
  CROSS JOIN LATERAL (
    SELECT s.shard, s.reference_number FROM shipments s
    WHERE s.account = turn.account AND s.priority = turn.priority AND s.next_try_at <= turn.now
      AND NOT s.success AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= turn.now)
    ORDER BY s.next_try_at
    LIMIT turn.number
    FOR UPDATE SKIP LOCKED
  ) due
  WHERE turn.locked OR EXISTS (
    SELECT 1 FROM account_states a
    WHERE a.account = turn.account AND a.incident = 'none' AND a.ramp IS NULL AND a.rate_per_second IS NULL
      AND (a.rest_until_at IS NULL OR a.rest_until_at <= turn.now))
), taken AS (
  -- As arrays: PostgreSQL takes the length of one to be small, so it never walks over the table to join what was chosen.
  SELECT array_agg(shard) AS shards, array_agg(reference_number) AS reference_numbers, array_agg(owner) AS owners,
    array_agg(until) AS untils, array_agg(now) AS nows
  FROM due
)
UPDATE shipments SET lease_owner = mine.owner, lease_ends_at = mine.until, sent_at = COALESCE(sent_at, mine.now),
  maybe_placed = maybe_placed OR lease_owner IS NOT NULL,
  held_version = CASE WHEN lease_owner IS NULL THEN held_version ELSE COALESCE(held_version, payload_version, 1) END
FROM taken CROSS JOIN LATERAL unnest(taken.shards, taken.reference_numbers, taken.owners, taken.untils, taken.nows)
  AS mine (shard, reference_number, owner, until, now)
WHERE shipments.shard = mine.shard AND shipments.reference_number = mine.reference_number}}
{{sqlite:
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2, sent_at = COALESCE(sent_at, $3),
  maybe_placed = maybe_placed OR lease_owner IS NOT NULL,
  held_version = CASE WHEN lease_owner IS NULL THEN held_version ELSE COALESCE(held_version, payload_version, 1) END
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE account = $4 AND priority = $5 AND next_try_at <= $3 AND NOT success
    AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
    AND ($7 OR EXISTS (
      SELECT 1 FROM account_states a
      WHERE a.account = $4 AND a.incident = 'none' AND a.ramp IS NULL AND a.rate_per_second IS NULL
        AND (a.rest_until_at IS NULL OR a.rest_until_at <= $3)))
  ORDER BY next_try_at
  LIMIT $6
)}}
RETURNING {{shipments.*}}

-- name: lock
-- In key order, like all who lock several shipments.
SELECT s.reference_number, s.success, s.lease_owner, s.cancel_requested_at
{{postgres: FROM unnest($1::smallint[], $2::text[]) AS k (shard, reference_number)
JOIN shipments s ON s.shard = k.shard AND s.reference_number = k.reference_number}}
{{sqlite: FROM json_each($1) a JOIN json_each($2) b ON b.key = a.key
CROSS JOIN shipments s ON s.shard = a.value AND s.reference_number = b.value}}
ORDER BY s.shard, s.reference_number
{{postgres: FOR UPDATE OF s}}

-- name: place
{{sqlite: WITH row (shard, reference_number, at, waybill, label_url, sort_code, security_key, vendor_order_id, children,
  next_poll_at, courier_partner_id, account_code, account, difference)
  AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14))}}
UPDATE shipments SET state = 'placed', success = TRUE, problem = NULL, next_try_at = NULL, lease_owner = NULL,
  lease_ends_at = NULL, waiting_since_at = NULL, maybe_placed = FALSE, held_version = NULL, settle_by = NULL,
  courier_may_hold = NULL,
  placed_at = COALESCE(shipments.placed_at, row.at), updated_at = row.at, waybill = row.waybill,
  label_url = row.label_url, sort_code = row.sort_code, security_key = row.security_key,
  vendor_order_id = row.vendor_order_id, children = row.children, next_poll_at = row.next_poll_at,
  courier_partner_id = row.courier_partner_id, account_code = row.account_code, account = row.account,
  difference = row.difference
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[],
  $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::integer[], $12::text[], $13::text[], $14::text[])
  AS row (shard, reference_number, at, waybill, label_url, sort_code, security_key, vendor_order_id, children,
    next_poll_at, courier_partner_id, account_code, account, difference)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number AND NOT shipments.success

-- name: not_placed
-- Only the lease's holder may write this; one who lost it learns nothing that the next try will not learn again.
{{sqlite: WITH row (shard, reference_number, owner, state, no_of_retries, problem, next_try_at, waiting_since_at,
  maybe_placed, at, held_version, settle_by, courier_may_hold)
  AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13))}}
UPDATE shipments SET lease_owner = NULL, lease_ends_at = NULL,
  state = row.state, no_of_retries = row.no_of_retries, problem = row.problem, next_try_at = row.next_try_at,
  waiting_since_at = row.waiting_since_at, maybe_placed = row.maybe_placed, updated_at = row.at,
  held_version = row.held_version, settle_by = row.settle_by, courier_may_hold = row.courier_may_hold,
  cancel_state = CASE WHEN row.state = 'cancelled' THEN row.state ELSE shipments.cancel_state END
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[],
  $7::timestamptz[], $8::timestamptz[], $9::boolean[], $10::timestamptz[], $11::integer[], $12::text[],
  $13::boolean[])
  AS row (shard, reference_number, owner, state, no_of_retries, problem, next_try_at, waiting_since_at, maybe_placed, at,
    held_version, settle_by, courier_may_hold)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number
  AND shipments.lease_owner = row.owner AND NOT shipments.success

-- name: release
-- The account works again: shipments held because of it resume at once. They are few: nobody else's
-- shipments were touched.
UPDATE shipments SET state = 'ready', problem = NULL, next_try_at = $2, updated_at = $2
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE account = $1 AND state = 'held' AND next_try_at IS NOT NULL AND NOT success AND lease_owner IS NULL
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
