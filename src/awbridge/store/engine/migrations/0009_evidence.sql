-- compatible from: 0008 (tables, indexes, and columns that may be empty)
-- Evidence: which calls are in which archive file, scheduled runs, reports, erasures.

-- archive_file: NULL not looked at yet, 0 left out (it did not fail), else the file that holds it.
ALTER TABLE attempts ADD COLUMN archive_file BIGINT;
CREATE INDEX attempts_unfiled ON attempts (id) WHERE archive_file IS NULL;
CREATE INDEX attempts_of_file ON attempts (archive_file, id) WHERE archive_file > 0;
CREATE INDEX attempts_by_time ON attempts (made_at, id);

ALTER TABLE shipments ADD COLUMN erased_at TIMESTAMPTZ;

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
CREATE INDEX reports_newest ON reports (day, id);

CREATE TABLE erasures (
  id BIGINT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT,
  pseudonym TEXT NOT NULL,
  asked_at TIMESTAMPTZ NOT NULL,
  next_try_at TIMESTAMPTZ,
  tries INTEGER NOT NULL,
  done_at TIMESTAMPTZ,
  counts TEXT,
  problem TEXT
);
CREATE INDEX erasures_open ON erasures (next_try_at) WHERE done_at IS NULL;
