-- compatible from: 0001 (the first one)
-- Shipments in, orders out, deliveries in, timeline.
-- The company's own names for its transporters, mapped to ClickPost's (courier_partner_id, account_code).
CREATE TABLE courier_accounts (
  transporter TEXT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);

-- One parcel journey. next_try_at: when push takes it up (NULL: never); next_ask_at: when tracking is asked (NULL: never).
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
  cancel_asked_at TIMESTAMPTZ,
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
  last_heard_at TIMESTAMPTZ,
  last_asked_at TIMESTAMPTZ,
  next_ask_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, reference_number)
);
CREATE INDEX shipments_due ON shipments (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX shipments_to_ask ON shipments (next_ask_at) WHERE next_ask_at IS NOT NULL;
CREATE INDEX shipments_newest ON shipments (created_at, reference_number);
CREATE INDEX shipments_by_state ON shipments (state, created_at, reference_number);
CREATE INDEX shipments_by_order ON shipments (order_id) WHERE order_id IS NOT NULL;

-- Every air waybill we know (main, child of an MPS, RTO) and whose it is.
CREATE TABLE waybills (
  shard SMALLINT NOT NULL,
  waybill TEXT NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  reference_number TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, waybill, courier_partner_id)
);

-- Every call to the vendor, secrets masked.
CREATE TABLE attempts (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT,
  api TEXT NOT NULL,
  method TEXT NOT NULL,
  url TEXT NOT NULL,
  request TEXT NOT NULL,
  http_status INTEGER,
  business_status INTEGER,
  response TEXT NOT NULL,
  error TEXT NOT NULL,
  outcome TEXT NOT NULL,
  ms INTEGER NOT NULL,
  made_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, id)
);
CREATE INDEX attempts_of_shipment ON attempts (shard, reference_number, id);

-- Every delivery as received, from whichever side. due_at: when apply takes it up (NULL: applied, or set aside with its
-- problem). waiting_for: what must become known first ("w:" waybill, "r:" reference number, "o:" order id).
CREATE TABLE inbox (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  identity TEXT NOT NULL,
  source TEXT NOT NULL,
  body BYTEA NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  due_at TIMESTAMPTZ,
  applied_at TIMESTAMPTZ,
  waiting_for TEXT,
  tries INTEGER NOT NULL,
  problem TEXT,
  PRIMARY KEY (shard, id),
  UNIQUE (shard, identity)
);
CREATE INDEX inbox_due ON inbox (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX inbox_waiting ON inbox (waiting_for) WHERE waiting_for IS NOT NULL;
CREATE INDEX inbox_problems ON inbox (id) WHERE problem IS NOT NULL;

-- The timeline. The shard is the shipment's, so that a shipment and its scans lie together.
CREATE TABLE scans (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  identity TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  scan_id TEXT,
  checkpoint_id TEXT,
  waybill TEXT NOT NULL,
  courier_partner_id INTEGER,
  status_code INTEGER NOT NULL,
  status TEXT NOT NULL,
  remark TEXT NOT NULL,
  location TEXT NOT NULL,
  ndr_code INTEGER,
  scanned_at TIMESTAMPTZ NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (shard, id),
  UNIQUE (shard, identity)
);
CREATE INDEX scans_of_shipment ON scans (shard, reference_number, scanned_at, id);

-- Which stretches of updated-order are covered. The row is claimed (lease_ends_at), fetched page by page, then done.
CREATE TABLE catch_up_windows (
  from_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  to_at TIMESTAMPTZ NOT NULL,
  lease_ends_at TIMESTAMPTZ,
  done_at TIMESTAMPTZ,
  items INTEGER NOT NULL,
  problem TEXT
);
CREATE INDEX catch_up_windows_open ON catch_up_windows (from_at) WHERE done_at IS NULL;

-- Keys that ClickPost gave for our webhook, as SHA-256: enough to check one, useless to a thief.
CREATE TABLE webhook_keys (
  sha256 TEXT NOT NULL PRIMARY KEY,
  webhook_url TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);
