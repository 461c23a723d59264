-- One parcel journey.
-- account: courier and account code as one key, "4:main". priority: 0 urgent, 1 normal. difference: what ClickPost holds
-- differently from the order. courier_partner_id is 0 and account '' while no courier is allocated.
-- maybe_placed: a call without a clear answer may have placed it. held_version: the payload of the first such call (NULL:
-- only queued). settle_by: how push finds out: by 'repeating' that payload or by 'asking' alone. courier_may_hold: the
-- courier may hold an order that ClickPost does not know. settled_at, settled_by: when a person stated what ClickPost
-- holds, and who.
-- next_try_at: when push is due (NULL: never). next_poll_at: when polling is due (NULL: never).
-- payload_version: which of its payloads this is (NULL: the first). replaces, replaced_by: its predecessor and successor.
-- waits_for: held until that shipment is cancelled (next_try_at is NULL).
-- allocate_at: when a recommendation is requested. fallback_at: not checked for a fallback before. fallback_seen_at: the
-- updated_at at which no fallback was found.
-- cancel_state: the state of its cancellation at ClickPost (NULL: none requested). cancel_since_at: the first call for it.
-- erased_at: when the personal data of its payload were removed.
-- aged_out_at: when polling stopped for lack of updates (a list for people). polling_resumed_at: when a person resumed it.
-- edd_stated_at: when the current EDD was stated (NULL: never, or by a version without this column).
-- edd_due_at: the end of the promised day. ndr_at: the last failed delivery (NULL: none, or delivered or returning since).
-- phone_tail: the last four digits of the customer's phone number ('': none, or erased; NULL: not read from the payload
-- yet). cod: cash is collected on delivery (NULL: not read yet).
-- link_generation: how often its link to the customer's page was revoked (NULL: never).
-- packed_payload: the payload, packed (store/engine/packing.py); that column is empty then.
-- counted_from_at: no later than the newest scan, unless the parcel was looked at since (NULL: placed_at). mark_stuck looks
-- at a parcel once the shortest limit has passed since then. stuck_since_at: the time of the newest scan, or of placing, of
-- a parcel that was found to be stuck (NULL: it is not, or was not looked at yet).
-- picked_up: whether the status left the first bucket (NULL: it did not, or a version without this column wrote it).
-- ndr_code, npr_code: why the last delivery and the last pickup failed. forward_...: the forward shipment of a return.
CREATE TABLE shipments (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  order_id TEXT,
  transporter TEXT,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  region TEXT NOT NULL,
  delivery_type TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  success BOOLEAN NOT NULL,
  no_of_retries INTEGER NOT NULL,
  problem TEXT,
  next_try_at TIMESTAMPTZ,
  lease_owner TEXT,
  lease_ends_at TIMESTAMPTZ,
  waiting_since_at TIMESTAMPTZ,
  payload_changed_at TIMESTAMPTZ,
  cancel_requested_at TIMESTAMPTZ,
  cancel_tries INTEGER NOT NULL,
  sent_at TIMESTAMPTZ,
  placed_at TIMESTAMPTZ,
  waybill TEXT,
  label_url TEXT,
  sort_code TEXT,
  security_key TEXT,
  vendor_order_id TEXT,
  children TEXT,
  status_code INTEGER,
  status_at TIMESTAMPTZ,
  status_bucket SMALLINT,
  status_step SMALLINT NOT NULL,
  final BOOLEAN NOT NULL,
  edd TEXT,
  ndr_code INTEGER,
  last_tracked_at TIMESTAMPTZ,
  last_polled_at TIMESTAMPTZ,
  next_poll_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  account TEXT NOT NULL DEFAULT '',
  priority SMALLINT NOT NULL DEFAULT 1,
  difference TEXT,
  maybe_placed BOOLEAN NOT NULL DEFAULT FALSE,
  payload_version INTEGER,
  replaces TEXT,
  replaced_by TEXT,
  waits_for TEXT,
  allocated_by TEXT,
  allocate_at TIMESTAMPTZ,
  fallback_at TIMESTAMPTZ,
  fallback_seen_at TIMESTAMPTZ,
  edd_due_at TIMESTAMPTZ,
  ndr_at TIMESTAMPTZ,
  forward_waybill TEXT,
  forward_reference_number TEXT,
  aged_out_at TIMESTAMPTZ,
  polling_resumed_at TIMESTAMPTZ,
  erased_at TIMESTAMPTZ,
  npr_code INTEGER,
  held_version INTEGER,
  settle_by TEXT,
  courier_may_hold BOOLEAN,
  settled_at TIMESTAMPTZ,
  settled_by TEXT,
  cancel_state TEXT,
  cancel_since_at TIMESTAMPTZ,
  status_description TEXT,
  ndr_description TEXT,
  piece_exception_at TIMESTAMPTZ,
  phone_tail TEXT,
  cod BOOLEAN,
  link_generation SMALLINT,
  edd_stated_at TIMESTAMPTZ,
  packed_payload BYTEA,
  counted_from_at TIMESTAMPTZ,
  stuck_since_at TIMESTAMPTZ,
  picked_up BOOLEAN,
  PRIMARY KEY (shard, reference_number)
);
-- A scan that changes no indexed column is written into its page (HOT), if that has room.
{{postgres: ALTER TABLE shipments SET (fillfactor = 80);}}
CREATE INDEX shipments_to_push ON shipments (account, priority, next_try_at)
  WHERE next_try_at IS NOT NULL AND NOT success;
CREATE INDEX shipments_unplaced ON shipments (account, state, created_at, reference_number)
  WHERE next_try_at IS NOT NULL AND NOT success;
CREATE INDEX shipments_to_cancel ON shipments (next_try_at) WHERE next_try_at IS NOT NULL AND success;
CREATE INDEX shipments_to_poll ON shipments (next_poll_at) WHERE next_poll_at IS NOT NULL;
CREATE INDEX shipments_placed ON shipments (placed_at, reference_number) WHERE placed_at IS NOT NULL;
CREATE INDEX shipments_newest ON shipments (created_at, reference_number);
CREATE INDEX shipments_by_state ON shipments (state, created_at, reference_number);
CREATE INDEX shipments_by_order ON shipments (order_id, created_at, reference_number) WHERE order_id IS NOT NULL;
CREATE INDEX shipments_cancels ON shipments (cancel_state, cancel_requested_at, reference_number)
  WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up');
CREATE INDEX shipments_waiting ON shipments (shard, reference_number) WHERE waits_for IS NOT NULL;
CREATE INDEX shipments_to_allocate ON shipments (allocate_at) WHERE state = 'allocating';
CREATE INDEX shipments_to_replace ON shipments (updated_at) WHERE state IN ('rejected', 'gave_up', 'retrying');
CREATE INDEX shipments_fallback_later ON shipments (fallback_at)
  WHERE fallback_at IS NOT NULL AND state IN ('rejected', 'gave_up', 'retrying');
CREATE INDEX shipments_placed_twice ON shipments (updated_at) WHERE replaced_by IS NOT NULL AND success;
CREATE INDEX shipments_aged_out ON shipments (aged_out_at, reference_number) WHERE aged_out_at IS NOT NULL;
-- Every open parcel is in one of these two. No column of them changes with a usual scan.
CREATE INDEX shipments_to_mark ON shipments (COALESCE(counted_from_at, placed_at))
  WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL;
CREATE INDEX shipments_stuck ON shipments (stuck_since_at, reference_number)
  WHERE stuck_since_at IS NOT NULL AND state = 'placed' AND NOT final;
CREATE INDEX shipments_to_pick_up ON shipments (placed_at, reference_number)
  WHERE state = 'placed' AND NOT final AND picked_up IS NOT TRUE;
CREATE INDEX shipments_promised ON shipments (edd_due_at, reference_number) WHERE edd_due_at IS NOT NULL AND state = 'placed' AND NOT final;
CREATE INDEX shipments_promised_in_words ON shipments (reference_number)
  WHERE edd IS NOT NULL AND edd_due_at IS NULL AND state = 'placed' AND NOT final;
CREATE INDEX shipments_in_ndr ON shipments (ndr_at, reference_number) WHERE ndr_at IS NOT NULL;
CREATE INDEX shipments_refused ON shipments (updated_at) WHERE state = 'rejected';
CREATE INDEX shipments_piece_exceptions ON shipments (piece_exception_at, reference_number)
  WHERE piece_exception_at IS NOT NULL;
CREATE INDEX shipments_by_phone ON shipments (phone_tail, created_at, reference_number) WHERE phone_tail > '';
CREATE INDEX shipments_unread ON shipments (shard, reference_number) WHERE phone_tail IS NULL;

-- The payloads of shipments whose payload was changed: the first one and every later one. A shipment without rows here
-- has had one payload.
CREATE TABLE payload_versions (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  version INTEGER NOT NULL,
  payload TEXT NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL,
  changed_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, version)
);

-- Every known waybill (main, child of an MPS, RTO) and its shipment.
CREATE TABLE waybills (
  shard SMALLINT NOT NULL,
  waybill TEXT NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  reference_number TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  label_url TEXT,
  sort_code TEXT,
  security_key TEXT,
  PRIMARY KEY (shard, waybill, courier_partner_id)
);
CREATE INDEX waybills_of_shipment ON waybills (reference_number);

-- Later uses of a waybill that its courier reused; the first use stays in waybills. since_at: when the shipment was first
-- sent. Earlier scans of the waybill belong to an earlier use.
CREATE TABLE reused_waybills (
  shard SMALLINT NOT NULL,
  waybill TEXT NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  reference_number TEXT NOT NULL,
  kind TEXT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  label_url TEXT,
  sort_code TEXT,
  security_key TEXT,
  PRIMARY KEY (shard, waybill, courier_partner_id, reference_number)
);
CREATE INDEX reused_waybills_of_shipment ON reused_waybills (reference_number);
CREATE INDEX reused_waybills_newest ON reused_waybills (created_at);

-- What people and systems request from ClickPost besides registering and cancelling. The shard is the shipment's and part
-- of the id. next_try_at: when act is due (NULL: never). idempotency_key: the caller's, part of the id.
CREATE TABLE actions (
  shard SMALLINT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  reference_number TEXT,
  body TEXT NOT NULL,
  idempotency_key TEXT,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_try_at TIMESTAMPTZ,
  lease_owner TEXT,
  lease_ends_at TIMESTAMPTZ,
  problem TEXT,
  result TEXT,
  requested_at TIMESTAMPTZ NOT NULL,
  done_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ NOT NULL,
  retried_at TIMESTAMPTZ,
  PRIMARY KEY (shard, id)
);
CREATE INDEX actions_due ON actions (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX actions_of_shipment ON actions (shard, reference_number, requested_at, id);
CREATE INDEX actions_newest ON actions (requested_at, id);
CREATE INDEX actions_by_state ON actions (state, requested_at, id);

-- A named filter of the list of shipments, for everyone. query: the parameters of the list's URL, without personal data.
CREATE TABLE saved_views (
  name TEXT NOT NULL PRIMARY KEY,
  query TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
