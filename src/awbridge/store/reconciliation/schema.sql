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
