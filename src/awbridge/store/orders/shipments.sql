-- name: add
-- Sorted by key by the caller: two writers that share keys would deadlock otherwise.
INSERT INTO shipments (shard, reference_number, order_id, transporter, courier_partner_id, account_code, region,
  delivery_type, payload, state, success, no_of_retries, cancel_tries, next_try_at, status_step, final, created_at,
  updated_at, account, priority)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'ready', FALSE, 0, 0, $10, 0, FALSE, $10, $10, $11, $12)
ON CONFLICT (shard, reference_number) DO NOTHING

-- name: get
SELECT {{shipments.*}} FROM shipments WHERE shard = $1 AND reference_number = $2

-- name: lock_many
-- In key order, so that two appliers never hold what the other waits for. Keys come as pairs: with a list of shards
-- beside a list of numbers the index would be searched for every combination of the two.
SELECT {{shipments.*}} FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN shipments
  ON shipments.shard = key.shard AND shipments.reference_number = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN shipments
  ON shipments.shard = beside.value AND shipments.reference_number = key.value}}
ORDER BY shipments.shard, shipments.reference_number
{{postgres: FOR UPDATE OF shipments}}

-- name: lock_tracked
-- The same, of what tracking needs.
SELECT shipments.reference_number, order_id, transporter, courier_partner_id, account_code, state, delivery_type, waybill,
  children,
  status_code, status_at, status_bucket, status_step, final, edd, ndr_code, last_tracked_at, last_polled_at, created_at,
  next_poll_at, edd_due_at, ndr_at, npr_code, status_description, ndr_description, piece_exception_at, forward_waybill,
  forward_reference_number, replaces, replaced_by, cancel_requested_at FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN shipments
  ON shipments.shard = key.shard AND shipments.reference_number = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN shipments
  ON shipments.shard = beside.value AND shipments.reference_number = key.value}}
ORDER BY shipments.shard, shipments.reference_number
{{postgres: FOR UPDATE OF shipments}}

-- name: get_many
SELECT {{shipments.*}} FROM
{{postgres: unnest($1::text[], $2::smallint[]) AS key (value, shard) JOIN shipments
  ON shipments.shard = key.shard AND shipments.reference_number = key.value}}
{{sqlite: json_each($1) AS key JOIN json_each($2) AS beside ON beside.key = key.key CROSS JOIN shipments
  ON shipments.shard = beside.value AND shipments.reference_number = key.value}}

-- name: of_orders
-- Many rows: order id, how many shipments of it are looked at. One order id may be that of every shipment there is.
{{postgres:
SELECT shipment.order_id, shipment.reference_number, shipment.replaced
FROM unnest($1::text[], $2::integer[]) AS key (order_id, number) CROSS JOIN LATERAL (
  SELECT order_id, reference_number, replaced_by IS NOT NULL AND NOT success AND state = 'cancelled' AS replaced
  FROM shipments WHERE shipments.order_id = key.order_id LIMIT key.number
) shipment}}
{{sqlite:
SELECT order_id, reference_number, replaced_by IS NOT NULL AND NOT success AND state = 'cancelled' AS replaced
FROM shipments WHERE order_id = $1 LIMIT $2}}

-- name: try_again
-- Push has nobody to send one without a courier to: the recommendation is asked for again. What the courier says it holds
-- is not sent again, but asked for.
UPDATE shipments SET no_of_retries = 0, problem = NULL, waiting_since_at = NULL, waits_for = NULL, updated_at = $3,
  settle_by = CASE WHEN settle_by = 'asking' THEN settle_by END,
  state = CASE WHEN courier_partner_id = 0 THEN 'allocating' ELSE 'ready' END,
  next_try_at = CASE WHEN courier_partner_id <> 0 THEN $3{{postgres: ::timestamptz}} END,
  allocate_at = CASE WHEN courier_partner_id = 0 THEN $3{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2 AND state IN ('retrying', 'held', 'rejected', 'gave_up', 'waiting')

-- name: new_payload
-- One that waits for another's cancellation goes on waiting. Which payload may stand at ClickPost is not forgotten; what
-- the courier says it holds stays as it is.
UPDATE shipments SET held_version = CASE WHEN maybe_placed THEN COALESCE(held_version, payload_version, 1) END,
  settle_by = NULL, payload = $3, order_id = $4, transporter = $5, courier_partner_id = $6, account_code = $7,
  delivery_type = $8, region = $10, account = $12, priority = $13, payload_changed_at = $9, no_of_retries = 0,
  waiting_since_at = NULL, payload_version = COALESCE($11, payload_version), updated_at = $9,
  state = CASE WHEN waits_for IS NULL THEN 'ready' ELSE state END,
  problem = CASE WHEN waits_for IS NULL THEN NULL ELSE problem END,
  next_try_at = CASE WHEN waits_for IS NULL THEN $9{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL AND cancel_requested_at IS NULL
  AND state <> 'cancelled' AND (settle_by IS NULL OR settle_by <> 'asking')

-- name: set_replaces
UPDATE shipments SET replaces = $3 WHERE shard = $1 AND reference_number = $2

-- name: set_replaced_by
UPDATE shipments SET replaced_by = $3, updated_at = $4 WHERE shard = $1 AND reference_number = $2

-- name: hold_back
UPDATE shipments SET waits_for = $3, state = 'held', problem = $4, next_try_at = NULL, updated_at = $5
WHERE shard = $1 AND reference_number = $2 AND sent_at IS NULL

-- name: waiting
SELECT shard, reference_number, waits_for FROM shipments
WHERE waits_for IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3

-- name: release
UPDATE shipments SET waits_for = NULL, updated_at = $3,
  state = CASE WHEN state <> 'held' THEN state WHEN courier_partner_id = 0 THEN 'allocating' ELSE 'ready' END,
  problem = CASE WHEN state = 'held' THEN NULL ELSE problem END,
  next_try_at = CASE WHEN state = 'held' AND courier_partner_id <> 0 THEN $3 ELSE next_try_at END,
  allocate_at = CASE WHEN state = 'held' AND courier_partner_id = 0 THEN $3 ELSE allocate_at END
WHERE shard = $1 AND reference_number = $2 AND waits_for IS NOT NULL

-- name: explain_waiting
UPDATE shipments SET problem = $3, updated_at = $4
WHERE shard = $1 AND reference_number = $2 AND waits_for IS NOT NULL AND state = 'held'
  AND (problem IS NULL OR problem <> $3)

-- name: cancel_unsent
-- Nothing ever went out for it, or no call can have placed it: nothing to cancel over there, and nothing more goes out.
UPDATE shipments SET state = 'cancelled', cancel_requested_at = $3, cancel_state = 'cancelled', next_try_at = NULL,
  updated_at = $3
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL
  AND (sent_at IS NULL OR NOT maybe_placed) AND state <> 'cancelled'

-- name: ask_cancel
-- What may stand at ClickPost is settled first (push repeats the first payload, or asks where the courier holds it;
-- without a courier, allocate asks), then cancelled there.
-- One that was refused, given up or overtaken is begun anew, with all its tries.
UPDATE shipments SET updated_at = $3,
  settle_by = CASE WHEN maybe_placed AND NOT success AND settle_by IS NULL AND held_version < COALESCE(payload_version, 1)
    THEN 'repeating' ELSE settle_by END,
  cancel_requested_at = CASE WHEN cancel_requested_at IS NULL OR cancel_state IN ('refused', 'gave_up', 'overtaken')
    THEN $3{{postgres: ::timestamptz}} ELSE cancel_requested_at END,
  cancel_tries = CASE WHEN cancel_state IN ('refused', 'gave_up', 'overtaken') THEN 0 ELSE cancel_tries END,
  cancel_since_at = CASE WHEN cancel_state IN ('refused', 'gave_up', 'overtaken') THEN NULL ELSE cancel_since_at END,
  cancel_state = CASE WHEN cancel_state IN ('waiting', 'retrying', 'held') THEN cancel_state ELSE 'asked' END,
  next_try_at = CASE WHEN success OR (courier_partner_id <> 0 AND (state = 'gave_up' OR (state = 'rejected' AND maybe_placed)))
    THEN $3 ELSE next_try_at END,
  allocate_at = CASE WHEN NOT success AND courier_partner_id = 0 AND waits_for IS NULL THEN $3{{postgres: ::timestamptz}}
    ELSE allocate_at END,
  state = CASE WHEN state IN ('gave_up', 'rejected') AND courier_partner_id = 0 THEN 'allocating' ELSE state END
WHERE shard = $1 AND reference_number = $2 AND state <> 'cancelled'

-- name: claim_cancels
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number FROM shipments
  WHERE next_try_at <= $3 AND success AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY next_try_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING {{shipments.*}}

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

-- name: to_ask_soon
-- The next to be asked for by courier, among those due the earliest: enough to fill calls, and bounded.
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

-- name: claim_to_ask
-- Moving next_poll_at on is the lease: nobody asks the same shipment again before it. Materialized: a planner that runs the
-- choice again for each row would take more than the limit.
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number FROM shipments
  WHERE next_poll_at <= $4 AND waybill IS NOT NULL AND courier_partner_id = $5
    AND (last_polled_at IS NULL OR last_polled_at <= $6)
  ORDER BY next_poll_at
  LIMIT $3
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET next_poll_at = $2, last_polled_at = $1
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING reference_number, waybill, courier_partner_id

-- name: asked
-- Also where a person asked, without a claim: the schedule does not ask again soon after.
UPDATE shipments SET last_polled_at = $4, next_poll_at = CASE WHEN final OR aged_out_at IS NOT NULL THEN NULL
  ELSE $3{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2

-- name: resume_polling
-- Wanted by a person, or named in a report: asked for at once, but not twice within the vendor's own interval.
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

-- name: placed_after
-- All that hold a waybill, page by page, for a complete catch-up by hand.
SELECT shard, reference_number, waybill, courier_partner_id FROM shipments
WHERE waybill IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3

-- name: set_status
-- Many rows in one statement. Who is asked for again, or has reached the end, is no longer on the list of the silent.
{{sqlite: WITH row (shard, reference_number, status_code, status_at, status_bucket, status_step, final, edd, ndr_code,
  last_tracked_at, next_poll_at, updated_at, edd_due_at, ndr_at, forward_waybill, forward_reference_number, npr_code,
  status_description, ndr_description, piece_exception_at)
  AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20))}}
UPDATE shipments SET status_code = row.status_code, status_at = row.status_at, status_bucket = row.status_bucket,
  status_step = row.status_step, final = row.final, edd = row.edd, ndr_code = row.ndr_code,
  last_tracked_at = row.last_tracked_at, next_poll_at = row.next_poll_at, updated_at = row.updated_at,
  edd_due_at = row.edd_due_at, ndr_at = row.ndr_at, forward_waybill = row.forward_waybill,
  forward_reference_number = row.forward_reference_number, npr_code = row.npr_code,
  status_description = row.status_description, ndr_description = row.ndr_description, piece_exception_at = row.piece_exception_at,
  aged_out_at = CASE WHEN row.next_poll_at IS NULL AND NOT row.final THEN shipments.aged_out_at END
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::integer[], $4::timestamptz[], $5::smallint[],
  $6::smallint[], $7::boolean[], $8::text[], $9::integer[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],
  $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::integer[], $18::text[], $19::text[],
  $20::timestamptz[])
  AS row (shard, reference_number, status_code, status_at, status_bucket, status_step, final, edd, ndr_code, last_tracked_at,
    next_poll_at, updated_at, edd_due_at, ndr_at, forward_waybill, forward_reference_number, npr_code, status_description,
    ndr_description, piece_exception_at)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number

-- name: set_label
UPDATE shipments SET label_url = $3, updated_at = $4 WHERE shard = $1 AND reference_number = $2

-- name: set_security_key
UPDATE shipments SET security_key = $3, updated_at = $4 WHERE shard = $1 AND reference_number = $2

-- name: tracked_after
-- All that were heard of, page by page, locked in key order: to be rebuilt.
SELECT {{shipments.*}} FROM shipments
WHERE last_tracked_at IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3
{{postgres: FOR UPDATE}}

-- name: silent
-- Open ones of a bucket without a scan since $2, the longest first. COLLATE: pages are put together from several of these.
SELECT {{shipments.*}} FROM shipments {{sqlite: INDEXED BY shipments_open}}
WHERE state = 'placed' AND NOT final AND COALESCE(status_bucket, 1) = $1 AND COALESCE(status_at, placed_at) <= $2
  AND (COALESCE(status_at, placed_at), reference_number {{postgres: COLLATE "C"}}) > ($3, $4)
ORDER BY COALESCE(status_at, placed_at), reference_number {{postgres: COLLATE "C"}}
LIMIT $5

-- name: sla_breached
-- Longest overdue first. SQLite would take the index of states and sort.
SELECT {{shipments.*}} FROM shipments {{sqlite: INDEXED BY shipments_promised}}
WHERE state = 'placed' AND NOT final AND edd_due_at <= $1 AND (edd_due_at, reference_number) > ($2, $3)
ORDER BY edd_due_at, reference_number
LIMIT $4

-- name: in_ndr
-- The delivery that failed longest ago first.
SELECT {{shipments.*}} FROM shipments
WHERE ndr_at IS NOT NULL AND (ndr_at, reference_number) > ($1, $2)
ORDER BY ndr_at, reference_number
LIMIT $3

-- name: piece_exceptions
-- The longest known first.
SELECT {{shipments.*}} FROM shipments
WHERE piece_exception_at IS NOT NULL AND (piece_exception_at, reference_number) > ($1, $2)
ORDER BY piece_exception_at, reference_number
LIMIT $3

-- name: count_piece_exceptions
SELECT COUNT(*) AS shipments FROM shipments WHERE piece_exception_at >= $1

-- name: newest
SELECT {{shipments.*}} FROM shipments
WHERE (created_at, reference_number) < ($1, $2)
ORDER BY created_at DESC, reference_number DESC
LIMIT $3

-- name: newest_in_state
SELECT {{shipments.*}} FROM shipments
WHERE state = $1 AND (created_at, reference_number) < ($2, $3)
ORDER BY created_at DESC, reference_number DESC
LIMIT $4

-- name: newest_of_order
-- Its shipments are found first: the index of all by time would be read through for an order of long ago.
WITH own AS {{postgres: MATERIALIZED}} (
  SELECT shard, reference_number FROM shipments
  WHERE order_id = $1 AND (created_at, reference_number) < ($2, $3)
)
SELECT {{shipments.*}} FROM own CROSS JOIN shipments
WHERE shipments.shard = own.shard AND shipments.reference_number = own.reference_number
ORDER BY shipments.created_at DESC, shipments.reference_number DESC
LIMIT $4

-- name: newest_of_account
SELECT {{shipments.*}} FROM shipments
WHERE account = $1 AND state = $2 AND (created_at, reference_number) < ($3, $4) AND next_try_at IS NOT NULL
  AND NOT success
ORDER BY created_at DESC, reference_number DESC
LIMIT $5

-- name: count_by_state
SELECT state, COUNT(*) AS shipments FROM shipments GROUP BY state ORDER BY state

-- name: count_in_state
SELECT COUNT(*) AS shipments FROM shipments WHERE state = $1

-- name: cancel_asked
SELECT 1 AS asked FROM shipments WHERE shard = $1 AND reference_number = $2 AND cancel_requested_at IS NOT NULL

-- name: set_allocated_by
UPDATE shipments SET allocated_by = $3 WHERE shard = $1 AND reference_number = $2

-- name: set_allocating
-- It has no courier: push must not see it, and the recommendation is asked for at once, or when what it waits for is
-- cancelled.
UPDATE shipments SET courier_partner_id = 0, account_code = NULL, account = '', transporter = NULL,
  allocated_by = NULL, next_try_at = NULL, allocate_at = $3, no_of_retries = 0, updated_at = $3,
  state = CASE WHEN waits_for IS NULL THEN 'allocating' ELSE state END,
  problem = CASE WHEN waits_for IS NULL THEN NULL ELSE problem END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND state <> 'cancelled'

-- name: claim_allocating
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number FROM shipments {{sqlite: INDEXED BY shipments_to_allocate}}
  WHERE state = 'allocating' AND allocate_at <= $3 AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY allocate_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING {{shipments.*}}

-- name: allocated
-- Only the lease's holder may write this.
UPDATE shipments SET state = 'ready', transporter = $4, courier_partner_id = $5, account_code = $6, allocated_by = $7,
  account = $9, no_of_retries = 0, problem = NULL, next_try_at = $8, allocate_at = NULL, lease_owner = NULL, lease_ends_at = NULL,
  updated_at = $8
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND state = 'allocating'

-- name: not_allocated
UPDATE shipments SET state = $4, no_of_retries = $5, problem = $6, allocate_at = $7, lease_owner = NULL,
  lease_ends_at = NULL, updated_at = $8
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND state = 'allocating'

-- name: settle_not_held
-- A person says that neither ClickPost nor the courier holds it. Who asked for its cancellation gets it; the rest waits
-- for that person: retry, change, replace or cancel.
UPDATE shipments SET maybe_placed = FALSE, held_version = NULL, settle_by = NULL, courier_may_hold = NULL, settled_at = $3, settled_by = $4,
  problem = $5, updated_at = $3, waiting_since_at = NULL,
  next_try_at = CASE WHEN cancel_requested_at IS NULL THEN next_try_at END,
  cancel_state = CASE WHEN cancel_requested_at IS NULL THEN cancel_state ELSE 'cancelled' END,
  allocate_at = CASE WHEN cancel_requested_at IS NULL THEN allocate_at END,
  state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE state END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND maybe_placed AND lease_owner IS NULL AND state <> 'cancelled'

-- name: settle_held
UPDATE shipments SET settled_at = $3, settled_by = $4 WHERE shard = $1 AND reference_number = $2

-- name: claim_replaceable
-- Ended, or failed often enough, under a transporter with a fallback, and nothing of it may stand at ClickPost; not older
-- than the window; not looked at since its last change. The lease keeps push away while the fallback is settled.
WITH chosen AS MATERIALIZED (
  SELECT s.shard, s.reference_number FROM shipments s {{sqlite: INDEXED BY shipments_to_replace}}
  WHERE s.state IN ('rejected', 'gave_up', 'retrying') AND s.updated_at >= $4
    AND (s.state <> 'retrying' OR s.no_of_retries >= $5) AND NOT s.success AND NOT s.maybe_placed
    AND s.cancel_requested_at IS NULL
    AND (s.fallback_at IS NULL OR s.fallback_at <= $3)
    AND (s.fallback_seen_at IS NULL OR s.fallback_seen_at < s.updated_at)
    AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $3)
    AND EXISTS (SELECT 1 FROM courier_accounts c WHERE c.transporter = s.transporter AND c.fallback IS NOT NULL)
  ORDER BY s.updated_at
  LIMIT $6
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number) IN (SELECT shard, reference_number FROM chosen)
RETURNING {{shipments.*}}

-- name: free_ended
-- Ended shipments are leased by fallback alone; a lease that ran out was a killed one's.
UPDATE shipments {{sqlite: INDEXED BY shipments_to_replace}} SET lease_owner = NULL, lease_ends_at = NULL
WHERE state IN ('rejected', 'gave_up', 'retrying') AND updated_at >= $2 AND state <> 'retrying' AND lease_ends_at <= $1
RETURNING reference_number

-- name: replace_later
UPDATE shipments SET fallback_at = $4, lease_owner = NULL, lease_ends_at = NULL
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3

-- name: not_replaced
UPDATE shipments SET fallback_at = NULL, fallback_seen_at = updated_at, lease_owner = NULL, lease_ends_at = NULL
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3

-- name: replaced
-- The end of the first one. Nothing is written where anything happened to it since it was claimed.
UPDATE shipments SET state = 'cancelled', replaced_by = $4, problem = $5, next_try_at = NULL, lease_owner = NULL,
  lease_ends_at = NULL, waiting_since_at = NULL, updated_at = $6
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND NOT success AND NOT maybe_placed
  AND cancel_requested_at IS NULL AND state IN ('rejected', 'gave_up', 'retrying')

-- name: placed_though_replaced
SELECT reference_number FROM shipments
WHERE replaced_by IS NOT NULL AND success AND cancel_requested_at IS NULL
LIMIT $1

-- name: movable
-- What a transporter still has to place. Page by page, in key order.
SELECT {{shipments.*}} FROM shipments
WHERE state IN ('ready', 'waiting', 'retrying', 'held', 'rejected', 'gave_up') AND transporter = $1
  AND (shard, reference_number) > ($2, $3)
ORDER BY shard, reference_number
LIMIT $4
{{postgres: FOR UPDATE}}

-- name: move
-- Only what ClickPost certainly does not hold: never sent, or refused for good. One that waits for another's
-- cancellation goes on waiting.
UPDATE shipments SET transporter = $3, courier_partner_id = $4, account_code = $5, allocated_by = $6, account = $8,
  no_of_retries = 0, updated_at = $7,
  state = CASE WHEN waits_for IS NULL THEN 'ready' ELSE state END,
  problem = CASE WHEN waits_for IS NULL THEN NULL ELSE problem END,
  next_try_at = CASE WHEN waits_for IS NULL THEN $7{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL AND cancel_requested_at IS NULL
  AND (sent_at IS NULL OR (state = 'rejected' AND NOT maybe_placed))
