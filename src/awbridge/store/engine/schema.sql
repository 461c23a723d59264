-- The current schema, for reading: this file, and schema.sql of every other folder of the store. The migrations create it;
-- a test compares both. One text serves SQLite and PostgreSQL; parts for one engine stand in double braces. Conventions:
-- times end in _at and are UTC; `shard` is a stable hash of the row's own key (0 to 63) and leads every key of a large
-- table: it spreads locks, and a table can be partitioned by it; `id` grows with time; JSON bodies are stored as text or
-- bytes, exactly as received.

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
