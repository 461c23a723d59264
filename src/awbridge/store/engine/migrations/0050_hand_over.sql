-- compatible from: 0046 (older versions do without labels and manifests)
-- Labels as files, what was printed, and hand-over manifests.
CREATE TABLE labels (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  piece SMALLINT NOT NULL,
  waybill TEXT NOT NULL,
  url TEXT NOT NULL,
  content BYTEA,
  size INTEGER,
  problem TEXT,
  tries INTEGER NOT NULL,
  next_try_at TIMESTAMPTZ,
  lease_owner TEXT,
  lease_ends_at TIMESTAMPTZ,
  refreshed_at TIMESTAMPTZ,
  fetched_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, reference_number, piece)
);
CREATE INDEX labels_due ON labels (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX labels_oldest ON labels (created_at);

CREATE TABLE print_runs (
  id BIGINT NOT NULL PRIMARY KEY,
  layout TEXT NOT NULL,
  shipments INTEGER NOT NULL,
  problems INTEGER NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  created_by TEXT NOT NULL
);

CREATE TABLE print_lines (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  run BIGINT NOT NULL,
  position INTEGER NOT NULL,
  account TEXT NOT NULL,
  problem TEXT,
  warning TEXT,
  printed_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, reference_number, run)
);
CREATE INDEX print_lines_of_run ON print_lines (run, position);
CREATE INDEX print_lines_newest ON print_lines (printed_at);

CREATE TABLE manifests (
  number INTEGER NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  parcels INTEGER NOT NULL,
  cod_total TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  created_by TEXT NOT NULL
);
CREATE INDEX manifests_newest ON manifests (created_at, number);

CREATE TABLE manifest_lines (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  manifest INTEGER NOT NULL,
  position INTEGER NOT NULL,
  waybill TEXT NOT NULL,
  pieces INTEGER NOT NULL,
  cod TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number)
);
CREATE INDEX manifest_lines_of_manifest ON manifest_lines (manifest, position);
