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
{{postgres: ALTER TABLE milestones SET (autovacuum_vacuum_scale_factor = 0.05);}}

-- One message to one customer over one channel, and why it was sent, delayed or suppressed. due_at: NULL when settled. On
-- PostgreSQL the key also finds the newest.
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
  {{postgres: CONSTRAINT notices_newest PRIMARY KEY (id, shard)}}{{sqlite: PRIMARY KEY (shard, id)}},
  UNIQUE (shard, reference_number, milestone, channel)
);
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
{{sqlite: CREATE INDEX notices_newest ON notices (id);}}
{{postgres: ALTER TABLE notices SET (autovacuum_vacuum_scale_factor = 0.05);}}
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

-- Shipment events, written in the transaction of their cause and kept as sent. packed_body: the body, packed
-- (store/engine/packing.py); that column is empty then. On PostgreSQL a table of months, as its deliveries
-- (store/engine/partitions.py).
CREATE TABLE events (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  packed_body BYTEA,
  PRIMARY KEY (shard, id)
){{postgres: PARTITION BY RANGE (id)}};
{{postgres: CREATE TABLE events_default PARTITION OF events DEFAULT;}}

-- One event for one endpoint. next_try_at: NULL when delivered, failed, or while the endpoint is disabled. On PostgreSQL the
-- key also finds the newest of an endpoint; those of an event are looked for endpoint by endpoint.
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
  {{postgres: CONSTRAINT event_deliveries_newest PRIMARY KEY (endpoint_id, event_id, shard)}}
  {{sqlite: PRIMARY KEY (shard, event_id, endpoint_id)}}
){{postgres: PARTITION BY RANGE (event_id)}};
{{postgres: CREATE TABLE event_deliveries_default PARTITION OF event_deliveries DEFAULT;}}
CREATE INDEX event_deliveries_due ON event_deliveries (next_try_at) WHERE next_try_at IS NOT NULL;
{{sqlite: CREATE INDEX event_deliveries_newest ON event_deliveries (endpoint_id, event_id);}}
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
