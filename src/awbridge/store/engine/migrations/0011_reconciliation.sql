-- compatible from: 0009 (tables and an index)
-- Reconciliation: one row per run, one per difference, and the files that people gave for it.
CREATE INDEX shipments_placed ON shipments (placed_at, reference_number) WHERE placed_at IS NOT NULL;

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
  finished_at TIMESTAMPTZ
);
CREATE INDEX reconciliations_open ON reconciliations (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE reconciliation_files (
  reconciliation_id BIGINT NOT NULL,
  part INTEGER NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (reconciliation_id, part)
);

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
  looks INTEGER NOT NULL,
  next_look_at TIMESTAMPTZ,
  pushed_at TIMESTAMPTZ,
  found_at TIMESTAMPTZ NOT NULL,
  solved_at TIMESTAMPTZ,
  PRIMARY KEY (shard, reconciliation_id, kind, item)
);
CREATE INDEX differences_listed ON differences (reconciliation_id, id);
CREATE INDEX differences_to_look ON differences (next_look_at) WHERE next_look_at IS NOT NULL;
