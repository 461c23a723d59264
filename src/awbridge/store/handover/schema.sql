-- A label as fetched from its link: of a shipment (piece 0), or of one of its pieces, from 1. content: the PDF. problem: why
-- there is none. next_try_at: when it is fetched (NULL: fetched, or no link works). refreshed_at: when ClickPost was
-- asked for a new link.
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

-- Labels that were printed together.
CREATE TABLE print_runs (
  id BIGINT NOT NULL PRIMARY KEY,
  layout TEXT NOT NULL,
  shipments INTEGER NOT NULL,
  problems INTEGER NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  created_by TEXT NOT NULL
);

-- A shipment of a print run. problem: why its label was not printed. warning: what to check on paper.
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

-- A hand-over manifest of a courier account. number counts up over all accounts.
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

-- A parcel on a manifest: it is on one at most. cod: the amount to collect, '' if prepaid.
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
