-- Every call to ClickPost, secrets masked. payload_version: which payload of the shipment was sent, if any.
-- archive_file: NULL not examined yet, 0 excluded from the archive, else the file that contains it. packed_call: url, request
-- and response, packed (store/engine/packing.py); those columns are empty then. On PostgreSQL a table of months
-- (store/engine/partitions.py).
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
  packed_call BYTEA,
  PRIMARY KEY (shard, id)
){{postgres: PARTITION BY RANGE (id)}};
{{postgres: CREATE TABLE attempts_default PARTITION OF attempts DEFAULT;}}
CREATE INDEX attempts_of_shipment ON attempts (shard, reference_number, id);
CREATE INDEX attempts_unfiled ON attempts (id) WHERE archive_file IS NULL;
CREATE INDEX attempts_of_file ON attempts (archive_file, id) WHERE archive_file > 0;
CREATE INDEX attempts_by_time ON attempts (made_at, id);

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

-- Each running process of awbridge, as it last reported itself. kind: serve or work. seen_at: when. stored, unstored:
-- webhooks that it answered with 200 and with 503 within the last hour. p99_ms: from receipt to commit, the 99th
-- percentile of the newest. problem: what is wrong with the file of settings that it read again.
CREATE TABLE processes (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL,
  stored BIGINT NOT NULL,
  unstored BIGINT NOT NULL,
  p99_ms INTEGER,
  problem TEXT
);
