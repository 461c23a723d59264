-- compatible from: 0062 (older versions do not report themselves)
-- Which processes work on this database, and how quickly each stores webhooks.
CREATE TABLE processes (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL,
  stored BIGINT NOT NULL,
  unstored BIGINT NOT NULL,
  p99_ms INTEGER
);
