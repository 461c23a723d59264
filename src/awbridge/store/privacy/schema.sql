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
