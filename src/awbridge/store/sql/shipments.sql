-- name: add
-- Sorted by key by the caller: two writers that share keys would deadlock otherwise.
INSERT INTO shipments (shard, reference_number, order_id, transporter, courier_partner_id, account_code, region,
  delivery_type, payload, state, success, no_of_retries, cancel_tries, next_try_at, status_step, final, created_at,
  updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'ready', FALSE, 0, 0, $10, 0, FALSE, $10, $10)
ON CONFLICT (shard, reference_number) DO NOTHING

-- name: get
SELECT * FROM shipments WHERE shard = $1 AND reference_number = $2

-- name: lock_many
-- In key order, so that two appliers never hold what the other waits for.
SELECT * FROM shipments
WHERE reference_number {{postgres: = ANY($1::text[]) AND shard = ANY($2::smallint[])}}
  {{sqlite: IN (SELECT value FROM json_each($1)) AND shard IN (SELECT value FROM json_each($2))}}
ORDER BY shard, reference_number
{{postgres: FOR UPDATE}}

-- name: get_many
SELECT * FROM shipments
WHERE reference_number {{postgres: = ANY($1::text[]) AND shard = ANY($2::smallint[])}}
  {{sqlite: IN (SELECT value FROM json_each($1)) AND shard IN (SELECT value FROM json_each($2))}}

-- name: of_orders
SELECT order_id, reference_number FROM shipments
WHERE order_id {{postgres: = ANY($1::text[])}}{{sqlite: IN (SELECT value FROM json_each($1))}}

-- name: claim
-- Oldest due first. A lease that ran out is anybody's: its worker was killed, or is too slow to be believed.
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2, sent_at = COALESCE(sent_at, $3)
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE next_try_at <= $3 AND NOT success AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY next_try_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
RETURNING *

-- name: place
UPDATE shipments SET state = 'placed', success = TRUE, problem = $3, next_try_at = NULL, lease_owner = NULL,
  lease_ends_at = NULL, waiting_since_at = NULL, placed_at = COALESCE(placed_at, $4), waybill = $5, label_url = $6,
  sort_code = $7, security_key = $8, vendor_order_id = $9, children = $10, next_ask_at = $11, courier_partner_id = $12, account_code = $13, updated_at = $4
WHERE shard = $1 AND reference_number = $2 AND NOT success

-- name: not_placed
-- Only the lease's holder may write this; one who lost it learns nothing that the next try will not learn again.
UPDATE shipments SET state = $4, no_of_retries = $5, problem = $6, next_try_at = $7, waiting_since_at = $8,
  lease_owner = NULL, lease_ends_at = NULL, updated_at = $9
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3 AND NOT success

-- name: hold_account
-- Every due shipment of an account that would fail the same way waits, while the one that showed it goes first.
UPDATE shipments SET state = 'held', problem = $3, next_try_at = $4, updated_at = $5
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE next_try_at IS NOT NULL AND next_try_at < $4 AND NOT success AND courier_partner_id = $1
    AND COALESCE(account_code, '') = COALESCE($2, '') AND lease_owner IS NULL
  {{postgres: FOR UPDATE SKIP LOCKED}}
)

-- name: release_account
-- The account works again: whatever was held with it goes on at once.
UPDATE shipments SET state = 'ready', problem = NULL, next_try_at = $3, updated_at = $3
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE next_try_at IS NOT NULL AND state = 'held' AND courier_partner_id = $1
    AND COALESCE(account_code, '') = COALESCE($2, '') AND lease_owner IS NULL
  {{postgres: FOR UPDATE SKIP LOCKED}}
)

-- name: try_again
UPDATE shipments SET state = 'ready', no_of_retries = 0, problem = NULL, next_try_at = $3, waiting_since_at = NULL,
  updated_at = $3
WHERE shard = $1 AND reference_number = $2 AND state IN ('retrying', 'held', 'rejected', 'gave_up', 'waiting')

-- name: new_payload
UPDATE shipments SET payload = $3, order_id = $4, transporter = $5, courier_partner_id = $6, account_code = $7,
  delivery_type = $8, region = $10, payload_changed_at = $9, state = 'ready', no_of_retries = 0, problem = NULL, next_try_at = $9, waiting_since_at = NULL,
  updated_at = $9
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL AND cancel_asked_at IS NULL
  AND state <> 'cancelled'

-- name: cancel_unsent
-- Nothing ever went out for it, or ClickPost refused it for good: there is nothing to cancel over there.
UPDATE shipments SET state = 'cancelled', cancel_asked_at = $3, next_try_at = NULL, updated_at = $3
WHERE shard = $1 AND reference_number = $2 AND NOT success AND lease_owner IS NULL
  AND (sent_at IS NULL OR state = 'rejected') AND state <> 'cancelled'

-- name: ask_cancel
-- What may stand at ClickPost is settled first (push goes on until it knows), then cancelled there.
UPDATE shipments SET cancel_asked_at = COALESCE(cancel_asked_at, $3), updated_at = $3,
  next_try_at = CASE WHEN success OR state = 'gave_up' THEN $3 ELSE next_try_at END
WHERE shard = $1 AND reference_number = $2 AND state <> 'cancelled'

-- name: claim_cancels
UPDATE shipments SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE next_try_at <= $3 AND success AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY next_try_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
RETURNING *

-- name: after_cancel
UPDATE shipments SET state = $4, problem = $5, next_try_at = $6, lease_owner = NULL, lease_ends_at = NULL,
  cancel_tries = $7, updated_at = $8
WHERE shard = $1 AND reference_number = $2 AND lease_owner = $3

-- name: claim_to_ask
-- Moving next_ask_at on is the lease: nobody asks the same shipment again before it.
UPDATE shipments SET next_ask_at = $2, last_asked_at = $1
WHERE (shard, reference_number) IN (
  SELECT shard, reference_number FROM shipments
  WHERE next_ask_at <= $1 AND waybill IS NOT NULL
  ORDER BY next_ask_at
  LIMIT $3
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
RETURNING reference_number, waybill, courier_partner_id

-- name: asked
UPDATE shipments SET next_ask_at = CASE WHEN final THEN NULL ELSE $3{{postgres: ::timestamptz}} END
WHERE shard = $1 AND reference_number = $2

-- name: placed_after
-- All that hold a waybill, page by page, for a complete catch-up by hand.
SELECT shard, reference_number, waybill, courier_partner_id FROM shipments
WHERE waybill IS NOT NULL AND (shard, reference_number) > ($1, $2)
ORDER BY shard, reference_number
LIMIT $3

-- name: set_status
UPDATE shipments SET status_code = $3, status_at = $4, status_bucket = $5, status_step = $6, final = $7, edd = $8,
  ndr_code = $9, last_heard_at = $10, next_ask_at = $11, updated_at = $10
WHERE shard = $1 AND reference_number = $2

-- name: newest
SELECT * FROM shipments
WHERE (created_at, reference_number) < ($1, $2)
ORDER BY created_at DESC, reference_number DESC
LIMIT $3

-- name: newest_in_state
SELECT * FROM shipments
WHERE state = $1 AND (created_at, reference_number) < ($2, $3)
ORDER BY created_at DESC, reference_number DESC
LIMIT $4

-- name: count_by_state
SELECT state, COUNT(*) AS shipments FROM shipments GROUP BY state ORDER BY state

-- name: cancel_asked
SELECT 1 AS asked FROM shipments WHERE shard = $1 AND reference_number = $2 AND cancel_asked_at IS NOT NULL

-- name: late_journeys
-- Page by page over the index of open journeys: silent since $3, or expected before the day $4 (dates as text).
SELECT * FROM shipments
WHERE NOT final AND status_at IS NOT NULL AND (shard, reference_number) > ($1, $2) AND (status_at < $3 OR edd < $4)
ORDER BY shard, reference_number
LIMIT $5
