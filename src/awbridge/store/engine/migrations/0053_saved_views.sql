-- compatible from: 0046 (older versions do not know the table)
-- Named filters of the list of shipments.
CREATE TABLE saved_views (
  name TEXT NOT NULL PRIMARY KEY,
  query TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
