-- The current schema, for reading. The migrations create it; a test compares both. One text serves SQLite and PostgreSQL;
-- parts for one engine stand in double braces. Conventions: times end in _at and are UTC; `shard` is a stable hash of the
-- row's own key (0 to 63) and leads every key of a large table, so that tables can be spread over many servers; `id` grows
-- with time; JSON bodies are stored as text or bytes, exactly as received.

-- The company's names for its transporters, mapped to ClickPost's (courier_partner_id, account_code).
CREATE TABLE courier_accounts (
  transporter TEXT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  fallback TEXT
);

-- Findings of the comparison with ClickPost's accounts, about accounts in use. transporter is '' if only open shipments
-- use the account; account_code is '' if there is none.
CREATE TABLE courier_warnings (
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT NOT NULL,
  transporter TEXT NOT NULL,
  kind TEXT NOT NULL,
  warning TEXT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (courier_partner_id, account_code, transporter)
);

-- One row: when accounts are compared next, when they last were, and what failed. accounts: JSON of ClickPost's list,
-- [courier_partner_id, courier name, account code].
CREATE TABLE courier_comparisons (
  id SMALLINT NOT NULL PRIMARY KEY,
  next_at TIMESTAMPTZ NOT NULL,
  compared_at TIMESTAMPTZ,
  problem TEXT,
  accounts TEXT
);

-- The company's allocation rules, tried by position; conditions is a JSON object.
CREATE TABLE allocation_rules (
  position INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  transporter TEXT NOT NULL,
  conditions TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

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
-- edd_due_at: the end of the promised day. ndr_at: the last failed delivery (NULL: none, or delivered or returning since).
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
  PRIMARY KEY (shard, reference_number)
);
CREATE INDEX shipments_to_push ON shipments (account, priority, next_try_at)
  WHERE next_try_at IS NOT NULL AND NOT success;
CREATE INDEX shipments_unplaced ON shipments (account, state, created_at, reference_number)
  WHERE next_try_at IS NOT NULL AND NOT success;
CREATE INDEX shipments_to_cancel ON shipments (next_try_at) WHERE next_try_at IS NOT NULL AND success;
CREATE INDEX shipments_to_poll ON shipments (next_poll_at) WHERE next_poll_at IS NOT NULL;
CREATE INDEX shipments_newest ON shipments (created_at, reference_number);
CREATE INDEX shipments_by_state ON shipments (state, created_at, reference_number);
CREATE INDEX shipments_by_order ON shipments (order_id, created_at, reference_number) WHERE order_id IS NOT NULL;
CREATE INDEX shipments_cancels ON shipments (cancel_state, cancel_requested_at, reference_number)
  WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up');
CREATE INDEX shipments_waiting ON shipments (shard, reference_number) WHERE waits_for IS NOT NULL;
CREATE INDEX shipments_to_allocate ON shipments (allocate_at) WHERE state = 'allocating';
CREATE INDEX shipments_to_replace ON shipments (updated_at) WHERE state IN ('rejected', 'gave_up', 'retrying');
CREATE INDEX shipments_placed_twice ON shipments (updated_at) WHERE replaced_by IS NOT NULL AND success;
CREATE INDEX shipments_aged_out ON shipments (aged_out_at, reference_number) WHERE aged_out_at IS NOT NULL;
-- Open parcels by bucket and time of the newest scan: finds those that exceed the limit of their leg.
CREATE INDEX shipments_open ON shipments (COALESCE(status_bucket, 1), COALESCE(status_at, placed_at),
  reference_number {{postgres: COLLATE "C"}}) WHERE state = 'placed' AND NOT final;
CREATE INDEX shipments_promised ON shipments (edd_due_at, reference_number) WHERE edd_due_at IS NOT NULL AND state = 'placed' AND NOT final;
CREATE INDEX shipments_promised_in_words ON shipments (reference_number)
  WHERE edd IS NOT NULL AND edd_due_at IS NULL AND state = 'placed' AND NOT final;
CREATE INDEX shipments_in_ndr ON shipments (ndr_at, reference_number) WHERE ndr_at IS NOT NULL;
CREATE INDEX shipments_refused ON shipments (updated_at) WHERE state = 'rejected';
CREATE INDEX shipments_piece_exceptions ON shipments (piece_exception_at, reference_number)
  WHERE piece_exception_at IS NOT NULL;

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

-- The state of each courier account that has shipments: its incident, the breaker's counters, the ramp, the rate limit.
-- The row '*' holds the limit over all accounts.
CREATE TABLE account_states (
  account TEXT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  incident TEXT NOT NULL DEFAULT 'none',
  problem TEXT,
  since_at TIMESTAMPTZ,
  probe_at TIMESTAMPTZ,
  rest_until_at TIMESTAMPTZ,
  window_at TIMESTAMPTZ,
  calls INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  good_at TIMESTAMPTZ,
  wrongs INTEGER NOT NULL DEFAULT 0,
  ramp INTEGER,
  ramp_left INTEGER NOT NULL DEFAULT 0,
  ramp_done INTEGER NOT NULL DEFAULT 0,
  ramp_at TIMESTAMPTZ,
  rate_per_second DOUBLE PRECISION,
  tokens DOUBLE PRECISION NOT NULL DEFAULT 0,
  tokens_at TIMESTAMPTZ,
  served_at TIMESTAMPTZ
);

-- Declared downtimes of a courier (account NULL) or of one account: once (from_at, to_at), or on weekdays ("056", 0 is
-- Monday) from starts to ends ("23:30") in local time of the zone.
CREATE TABLE downtimes (
  id BIGINT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account TEXT,
  from_at TIMESTAMPTZ,
  to_at TIMESTAMPTZ,
  weekdays TEXT,
  starts TEXT,
  ends TEXT,
  zone TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX shipments_placed ON shipments (placed_at, reference_number) WHERE placed_at IS NOT NULL;

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

-- Every call to ClickPost, secrets masked. payload_version: which payload of the shipment was sent, if any.
-- archive_file: NULL not examined yet, 0 excluded from the archive, else the file that contains it.
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
  payload_version INTEGER,
  archive_file BIGINT,
  PRIMARY KEY (shard, id)
);
CREATE INDEX attempts_of_shipment ON attempts (shard, reference_number, id);
CREATE INDEX attempts_unfiled ON attempts (id) WHERE archive_file IS NULL;
CREATE INDEX attempts_of_file ON attempts (archive_file, id) WHERE archive_file > 0;
CREATE INDEX attempts_by_time ON attempts (made_at, id);

-- Every delivery as received, from any source. due_at: when apply is due (NULL: applied, or dead-lettered with its
-- problem). waiting_for: what must become known first ("w:" waybill, "r:" reference number, "o:" order id).
-- shipments_updated: its number of rows in update_sources (NULL: not applied, or applied by a version without that table).
-- The shard is derived from order_status_id without its last five digits, so that consecutive ids share a shard.
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
  shipments_updated SMALLINT,
  PRIMARY KEY (shard, id),
  UNIQUE (shard, identity)
);
CREATE INDEX inbox_due ON inbox (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX inbox_waiting ON inbox (waiting_for) WHERE waiting_for IS NOT NULL;
CREATE INDEX inbox_problems ON inbox (id) WHERE problem IS NOT NULL AND applied_at IS NULL;
CREATE INDEX inbox_uncounted ON inbox (id) WHERE applied_at IS NOT NULL AND shipments_updated IS NULL;

-- Which delivery updated which shipment, so that a shipment can be rebuilt from the inbox. entries: the indexes, from 0,
-- comma-separated, in a delivery that carries a list. The shard is the shipment's.
CREATE TABLE update_sources (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  delivery_id BIGINT NOT NULL,
  delivery_shard SMALLINT NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, delivery_id)
);
CREATE INDEX update_sources_of_delivery ON update_sources (delivery_id);

-- Every stated EDD. stated_at: the newest scan in the update that stated it. received_at: when that update arrived.
CREATE TABLE promises (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  stated_at TIMESTAMPTZ NOT NULL,
  edd TEXT NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, stated_at, edd)
);

-- The timelines. The shard is the shipment's, so that a shipment and its scans are stored together. fingerprint: hashes of
-- the content of its copies, separated by spaces; those that begin with ~ leave out the location. npr_description:
-- ClickPost's text for npr_code. description, ndr_description: ClickPost's texts for a status_code and an ndr_code that
-- our tables lack. return_event: JSON of its return or exchange event.
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
  npr_code INTEGER,
  npr_description TEXT NOT NULL DEFAULT '',
  description TEXT NOT NULL DEFAULT '',
  ndr_description TEXT NOT NULL DEFAULT '',
  return_event TEXT,
  PRIMARY KEY (shard, id),
  UNIQUE (shard, identity)
);
-- On PostgreSQL the index includes all that apply reads of a timeline, so that it need not visit the scattered rows.
CREATE INDEX scans_of_shipment ON scans (shard, reference_number, scanned_at, id){{postgres: INCLUDE (fingerprint, scan_id,
  checkpoint_id, ndr_code, waybill, status_code, received_at, source, npr_code, npr_description)}};
CREATE INDEX scans_ahead ON scans (id) WHERE scanned_at > received_at;

-- When the next call of a kind may be made, in seconds since 1970, over all processes.
CREATE TABLE paces (
  name TEXT NOT NULL PRIMARY KEY,
  next_turn DOUBLE PRECISION NOT NULL
);

-- The windows of updated-order. A row is claimed (lease_ends_at), fetched page by page, then done. next_page: where to
-- resume after an interruption (the parameters of the vendor's link, without credentials); page_at: since when.
CREATE TABLE catch_up_windows (
  from_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  to_at TIMESTAMPTZ NOT NULL,
  lease_ends_at TIMESTAMPTZ,
  done_at TIMESTAMPTZ,
  items INTEGER NOT NULL,
  problem TEXT,
  next_page TEXT,
  page_at TIMESTAMPTZ
);
CREATE INDEX catch_up_windows_open ON catch_up_windows (from_at) WHERE done_at IS NULL;

-- Keys that ClickPost issued for our webhook, as SHA-256 only.
CREATE TABLE webhook_keys (
  sha256 TEXT NOT NULL PRIMARY KEY,
  webhook_url TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

-- What each source delivered, by ten minutes of receipt: deliveries that were read, and scans that it reported first. The
-- slot is the counting process's, so that processes do not wait for each other.
CREATE TABLE arrivals (
  from_at TIMESTAMPTZ NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  slot SMALLINT NOT NULL,
  deliveries INTEGER NOT NULL,
  scans INTEGER NOT NULL,
  last_delivery_at TIMESTAMPTZ,
  last_scan_at TIMESTAMPTZ,
  PRIMARY KEY (from_at, courier_partner_id, source, slot)
);

-- Webhooks refused with 401, by reason: `no_key` (a proxy may have dropped the header) or `wrong_key`.
CREATE TABLE webhook_refusals (
  reason TEXT NOT NULL PRIMARY KEY,
  refused INTEGER NOT NULL,
  last_at TIMESTAMPTZ NOT NULL
);

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

-- One file of the archive. Its content is every attempt that carries its id. next_try_at: when the upload is due, or the
-- end of its lease. archived_at: verified in the archive. emptied_at: removed from the archive.
CREATE TABLE archive_files (
  id BIGINT NOT NULL PRIMARY KEY,
  object_key TEXT NOT NULL,
  calls INTEGER NOT NULL,
  bytes BIGINT,
  sha256 TEXT,
  tries INTEGER NOT NULL,
  problem TEXT,
  next_try_at TIMESTAMPTZ,
  archived_at TIMESTAMPTZ,
  emptied_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX archive_files_open ON archive_files (next_try_at) WHERE archived_at IS NULL;

-- Each scheduled run, once across all replicas. next_try_at: the end of its lease, or when it is retried.
CREATE TABLE runs (
  job TEXT NOT NULL,
  due_at TIMESTAMPTZ NOT NULL,
  lease_owner TEXT,
  next_try_at TIMESTAMPTZ,
  tries INTEGER NOT NULL,
  started_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ,
  result TEXT,
  problem TEXT,
  PRIMARY KEY (job, due_at)
);
CREATE INDEX runs_open ON runs (job, next_try_at) WHERE finished_at IS NULL;

-- Each report made. mail_lease_ends_at: it is being mailed. mailed_at: it was mailed, or had no recipient.
CREATE TABLE reports (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  day TEXT NOT NULL,
  destination TEXT NOT NULL,
  shipments INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  object_key TEXT,
  bytes BIGINT,
  sha256 TEXT,
  mail_lease_ends_at TIMESTAMPTZ,
  mailed_at TIMESTAMPTZ,
  mailed_to INTEGER,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX reports_newest ON reports (day DESC, id);

-- Whose personal data were erased, and when. `subject` is removed when that is done; the pseudonym stays.
CREATE TABLE erasures (
  id BIGINT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT,
  pseudonym TEXT NOT NULL,
  requested_at TIMESTAMPTZ NOT NULL,
  next_try_at TIMESTAMPTZ,
  tries INTEGER NOT NULL,
  done_at TIMESTAMPTZ,
  counts TEXT,
  problem TEXT
);
CREATE INDEX erasures_open ON erasures (next_try_at) WHERE done_at IS NULL;
-- A rebuild of all shipments from the inbox, and the last shipment that it completed.
CREATE TABLE replays (
  started_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  shipments INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  done_at TIMESTAMPTZ
);
CREATE INDEX replays_open ON replays (started_at) WHERE done_at IS NULL;

-- One reconciliation: a day (counting, reporting) or a file (matching). next_try_at: when it continues; moving it ahead is
-- the lease. windows: the requested reports with ClickPost's reference of each, so that a killed run continues with them.
CREATE TABLE reconciliations (
  id BIGINT NOT NULL PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  day TEXT,
  state TEXT NOT NULL,
  ours_placed INTEGER,
  theirs_placed INTEGER,
  theirs_tracked INTEGER,
  windows TEXT NOT NULL,
  columns_read TEXT,
  line_count INTEGER,
  matched INTEGER,
  repeated INTEGER,
  spoilt INTEGER,
  unreadable INTEGER,
  found TEXT,
  problem TEXT,
  tries INTEGER NOT NULL,
  lease_owner TEXT,
  next_try_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ,
  partly INTEGER,
  not_understood TEXT
);
CREATE INDEX reconciliations_open ON reconciliations (next_try_at) WHERE next_try_at IS NOT NULL;

-- The file of a reconciliation until it is matched, in parts, so that any worker can continue.
CREATE TABLE reconciliation_files (
  reconciliation_id BIGINT NOT NULL,
  part INTEGER NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (reconciliation_id, part)
);

-- What a reconciliation found, open until it is solved. ours, theirs: JSON of both sides at that time. next_check_at: when
-- it is checked again (NULL: never).
CREATE TABLE differences (
  shard SMALLINT NOT NULL,
  reconciliation_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  item TEXT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT,
  waybill TEXT,
  courier_partner_id INTEGER,
  ours TEXT,
  theirs TEXT,
  state TEXT NOT NULL,
  solved_how TEXT,
  checks INTEGER NOT NULL,
  next_check_at TIMESTAMPTZ,
  pushed_at TIMESTAMPTZ,
  found_at TIMESTAMPTZ NOT NULL,
  solved_at TIMESTAMPTZ,
  PRIMARY KEY (shard, reconciliation_id, kind, item)
);
CREATE INDEX differences_listed ON differences (reconciliation_id, id);
CREATE INDEX differences_of_kind ON differences (reconciliation_id, kind, id);
CREATE INDEX differences_by_state ON differences (reconciliation_id, state, kind);
CREATE INDEX differences_to_check ON differences (next_check_at) WHERE next_check_at IS NOT NULL;
-- The milestones that a shipment reached, once each, written with the status that shows them. due_at: when notices are
-- made of it (NULL: made). fresh_at: ClickPost's latest_time_stamp of that status, if sent.
CREATE TABLE milestones (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  milestone TEXT NOT NULL,
  status_code INTEGER,
  ndr_code INTEGER,
  status_at TIMESTAMPTZ NOT NULL,
  reached_at TIMESTAMPTZ NOT NULL,
  due_at TIMESTAMPTZ,
  why TEXT NOT NULL,
  fresh_at TIMESTAMPTZ,
  PRIMARY KEY (shard, reference_number, milestone)
);
CREATE INDEX milestones_due ON milestones (due_at) WHERE due_at IS NOT NULL;

-- One message to one customer over one channel, and why it was sent, delayed or suppressed. due_at: NULL when settled.
CREATE TABLE notices (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  milestone TEXT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  due_at TIMESTAMPTZ,
  lease_owner TEXT,
  lease_ends_at TIMESTAMPTZ,
  tries INTEGER NOT NULL,
  language TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  settled_at TIMESTAMPTZ,
  PRIMARY KEY (shard, id),
  UNIQUE (shard, reference_number, milestone, channel)
);
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_newest ON notices (id);
CREATE INDEX notices_unsent ON notices (state, id) WHERE state <> 'sent' AND state <> 'suppressed';

-- Addresses that opted out: a hash of the phone number or mail address. channel: '' for all channels.
CREATE TABLE opt_outs (
  address_hash TEXT NOT NULL,
  channel TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (address_hash, channel)
);
CREATE INDEX opt_outs_newest ON opt_outs (created_at DESC, address_hash);

-- Webhook subscribers. kinds: comma-separated, '' for all. old_secret also signs until old_secret_until_at.
-- failing_since_at: since when every delivery fails; NULL after a success.
CREATE TABLE endpoints (
  id BIGINT NOT NULL PRIMARY KEY,
  url TEXT NOT NULL,
  kinds TEXT NOT NULL,
  secret TEXT NOT NULL,
  old_secret TEXT,
  old_secret_until_at TIMESTAMPTZ,
  enabled BOOLEAN NOT NULL,
  problem TEXT,
  last_success_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  failing_since_at TIMESTAMPTZ
);

-- Shipment events, written in the transaction of their cause and kept as sent.
CREATE TABLE events (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, id)
);

-- One event for one endpoint. next_try_at: NULL when delivered, failed, or while the endpoint is disabled.
CREATE TABLE event_deliveries (
  shard SMALLINT NOT NULL,
  event_id BIGINT NOT NULL,
  endpoint_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_try_at TIMESTAMPTZ,
  lease_owner TEXT,
  lease_ends_at TIMESTAMPTZ,
  http_status INTEGER,
  problem TEXT,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, event_id, endpoint_id)
);
CREATE INDEX event_deliveries_due ON event_deliveries (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX event_deliveries_newest ON event_deliveries (endpoint_id, event_id);
CREATE INDEX event_deliveries_undelivered ON event_deliveries (endpoint_id, state, event_id) WHERE state <> 'delivered';

-- Alarms, one row for each cause. Sending an alarm and its end is leased (due_at).
CREATE TABLE alarms (
  cause TEXT NOT NULL PRIMARY KEY,
  text TEXT NOT NULL,
  times INTEGER NOT NULL,
  raised_at TIMESTAMPTZ NOT NULL,
  last_at TIMESTAMPTZ NOT NULL,
  cleared_at TIMESTAMPTZ,
  notified_at TIMESTAMPTZ,
  due_at TIMESTAMPTZ,
  tries INTEGER NOT NULL
);
CREATE INDEX alarms_due ON alarms (due_at) WHERE due_at IS NOT NULL;

-- The daily digest to operators: one for each day of the account's time zone. sent: FALSE if there was nothing to report.
CREATE TABLE digests (
  day TEXT NOT NULL PRIMARY KEY,
  due_at TIMESTAMPTZ,
  sent BOOLEAN NOT NULL
);

-- One row: the latest time that any process saw; when the clock last went back, and by how much.
CREATE TABLE clock_marks (
  id SMALLINT NOT NULL PRIMARY KEY,
  latest_at TIMESTAMPTZ NOT NULL,
  set_back_at TIMESTAMPTZ,
  set_back_seconds DOUBLE PRECISION
);

-- One row: the counts of `awbridge_*` metrics as they were last taken in the background, as JSON. counted: the rows that
-- had to be read for them. begun_at: when a process last began to count, so that the others need not.
CREATE TABLE figure_samples (
  id SMALLINT NOT NULL PRIMARY KEY,
  begun_at TIMESTAMPTZ NOT NULL,
  sampled_at TIMESTAMPTZ,
  counted BIGINT NOT NULL,
  figures TEXT
);
