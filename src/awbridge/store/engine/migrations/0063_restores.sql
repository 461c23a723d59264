-- compatible from: 0062 (older versions do not know what a restore took from the database: notices may be sent twice)
-- What is known of each restore of the database to an older point, and the numbers of manifests that are not used again.
CREATE TABLE restores (
  restored_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  point_at TIMESTAMPTZ NOT NULL,
  until_at TIMESTAMPTZ NOT NULL,
  last_manifest INTEGER NOT NULL,
  counts TEXT NOT NULL
);
