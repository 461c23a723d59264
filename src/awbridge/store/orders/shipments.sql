-- name: add
-- Sorted by key by the caller: two writers that share keys would deadlock otherwise. Without a courier, push must not see
-- it: a recommendation is requested first.
INSERT INTO shipments (shard, reference_number, order_id, transporter, courier_partner_id, account_code, region,
  delivery_type, packed_payload, account, priority, allocated_by, state, next_try_at, allocate_at, success, no_of_retries,
  cancel_tries, status_step, final, created_at, updated_at, phone_tail, cod, payload)
{{postgres:
SELECT shard, reference_number, order_id, transporter, courier, code, region, delivery_type, packed_payload, account, priority,
  allocated_by, CASE WHEN courier = 0 THEN 'allocating' ELSE 'ready' END, CASE WHEN courier <> 0 THEN at END,
  CASE WHEN courier = 0 THEN at END, FALSE, 0, 0, 0, FALSE, at, at, phone_tail, cod, ''
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[],
  $9::bytea[], $10::text[], $11::smallint[], $12::text[], $13::timestamptz[], $14::text[],
  $15::boolean[])
  AS row (shard, reference_number, order_id, transporter, courier, code, region, delivery_type, packed_payload, account,
    priority, allocated_by, at, phone_tail, cod)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
  CASE WHEN $5 = 0 THEN 'allocating' ELSE 'ready' END, CASE WHEN $5 <> 0 THEN $13 END, CASE WHEN $5 = 0 THEN $13 END,
  FALSE, 0, 0, 0, FALSE, $13, $13, $14, $15, '')}}
ON CONFLICT (shard, reference_number) DO NOTHING
RETURNING reference_number

-- name: get
SELECT {{shipments.*}} FROM shipments WHERE shard = $1 AND reference_number = $2

-- fragment: keyed_shipments
key {{sqlite: CROSS}} JOIN shipments ON shipments.shard = key.shard AND shipments.reference_number = key.value

-- name: lock_many
-- Many rows: reference number, shard. In key order, so that two appliers never hold what the other waits for.
{{keys}}
SELECT {{shipments.*}} FROM {{keyed_shipments}}
ORDER BY shipments.shard, shipments.reference_number
{{postgres: FOR UPDATE OF shipments}}

-- fragment: tracked
shipments.reference_number, order_id, transporter, courier_partner_id, account_code, state, delivery_type, waybill,
  children, status_code, status_at, status_bucket, status_step, final, edd, ndr_code, last_tracked_at, last_polled_at, created_at,
  next_poll_at, edd_due_at, ndr_at, npr_code, status_description, ndr_description, piece_exception_at, forward_waybill,
  forward_reference_number, replaces, replaced_by, cancel_requested_at, link_generation, edd_stated_at

-- name: tracked_after
-- All shipments with updates, page by page, locked in key order, to be rebuilt: what tracking needs of them.
SELECT {{tracked}} FROM shipments
WHERE last_tracked_at IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3
{{postgres: FOR UPDATE}}

-- name: lock_tracked
-- Many rows: reference number, shard. Locked in key order: what tracking needs. special: ended, of several parcels, failed, with a
-- code that our tables lack, or to be cancelled. steady_from_at: a scan from then on changes no mark (set_move); NULL: any.
{{keys}}
SELECT {{tracked}},
  CASE WHEN final OR children <> '[]' OR ndr_at IS NOT NULL OR ndr_code IS NOT NULL OR npr_code IS NOT NULL
    OR status_description IS NOT NULL OR ndr_description IS NOT NULL OR piece_exception_at IS NOT NULL
    OR cancel_requested_at IS NOT NULL THEN 1 ELSE 0 END AS special,
  CASE WHEN picked_up AND stuck_since_at IS NULL AND aged_out_at IS NULL
    THEN COALESCE(counted_from_at, placed_at) END AS steady_from_at
FROM {{keyed_shipments}}
ORDER BY shipments.shard, shipments.reference_number
{{postgres: FOR UPDATE OF shipments}}

-- name: get_many
-- Many rows: reference number, shard.
{{keys}}
SELECT {{shipments.*}} FROM {{keyed_shipments}}

-- name: payloads
-- Many rows: reference number, shard.
{{keys}}
SELECT shipments.reference_number, region, payload, packed_payload FROM {{keyed_shipments}}
WHERE state <> 'cancelled' AND cancel_requested_at IS NULL

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
-- A shipment without a courier cannot be pushed: a recommendation is requested again. An order that the courier reports
-- as held is queried, not sent again.
UPDATE shipments SET no_of_retries = 0, problem = NULL, waiting_since_at = NULL, waits_for = NULL, updated_at = $3,
  settle_by = CASE WHEN settle_by = 'asking' THEN settle_by END,
  state = CASE WHEN courier_partner_id = 0 THEN 'allocating' ELSE 'ready' END,
  next_try_at = CASE WHEN courier_partner_id <> 0 THEN $3{{postgres: ::timestamptz}} END,
  allocate_at = CASE WHEN courier_partner_id = 0 THEN $3{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2 AND state IN ('retrying', 'held', 'rejected', 'gave_up', 'waiting')

-- name: new_payload
-- One that waits for another's cancellation keeps waiting. Which payload may be placed stays recorded; what
-- the courier says it holds stays as it is.
UPDATE shipments SET held_version = CASE WHEN maybe_placed THEN COALESCE(held_version, payload_version, 1) END,
  settle_by = NULL, payload = '', packed_payload = $3, order_id = $4, transporter = $5, courier_partner_id = $6, account_code = $7,
  delivery_type = $8, region = $10, account = $12, priority = $13, phone_tail = $14, cod = $15, payload_changed_at = $9, no_of_retries = 0,
  waiting_since_at = NULL, payload_version = COALESCE($11, payload_version), updated_at = $9,
  state = CASE WHEN waits_for IS NULL THEN 'ready' ELSE state END,
  problem = CASE WHEN waits_for IS NULL THEN NULL ELSE problem END,
  next_try_at = CASE WHEN waits_for IS NULL THEN $9{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL AND cancel_requested_at IS NULL
  AND state <> 'cancelled' AND (settle_by IS NULL OR settle_by <> 'asking')

-- name: cancel_unsent
-- Nothing ever went out for it, or no call can have placed it: nothing to cancel over there, and nothing more goes out.
UPDATE shipments SET state = 'cancelled', cancel_requested_at = $3, cancel_state = 'cancelled', next_try_at = NULL,
  updated_at = $3
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL
  AND (sent_at IS NULL OR NOT maybe_placed) AND state <> 'cancelled'

-- name: ask_cancel
-- A shipment that may be placed is settled first (push repeats the first payload, or asks where the courier holds it;
-- without a courier, allocate asks), then cancelled there.
-- One that was refused, gave up or was overtaken starts over with all its tries.
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

-- name: set_label
UPDATE shipments SET label_url = $3, updated_at = $4 WHERE shard = $1 AND reference_number = $2

-- name: set_security_key
UPDATE shipments SET security_key = $3, updated_at = $4 WHERE shard = $1 AND reference_number = $2

-- name: cancel_asked
SELECT 1 AS asked FROM shipments WHERE shard = $1 AND reference_number = $2 AND cancel_requested_at IS NOT NULL

-- name: settle_not_held
-- A person states that neither ClickPost nor the courier holds it. A requested cancellation takes effect; the rest waits
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

-- name: unread
-- Stored by an older version: their payloads are read once.
SELECT shard, reference_number, payload, packed_payload FROM shipments WHERE phone_tail IS NULL ORDER BY shard, reference_number LIMIT $1

-- name: set_read
-- Many rows: shard, reference number, phone tail, COD. Not over what a newer payload or an erasure has set.
{{postgres: UPDATE shipments SET phone_tail = row.phone_tail, cod = row.cod
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::boolean[]) AS row (shard, reference_number, phone_tail, cod)
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number
  AND shipments.phone_tail IS NULL}}
{{sqlite: UPDATE shipments SET phone_tail = $3, cod = $4
WHERE shard = $1 AND reference_number = $2 AND phone_tail IS NULL}}
