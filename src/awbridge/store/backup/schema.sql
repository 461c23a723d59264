-- A restore of this database to an older point. point_at: everything up to then is in it. until_at: what happened after
-- that and before then may be missing. last_manifest: numbers of manifests up to this one are not used again (0: none).
-- counts: JSON, how many rows of each kind were changed for it.
CREATE TABLE restores (
  restored_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  point_at TIMESTAMPTZ NOT NULL,
  until_at TIMESTAMPTZ NOT NULL,
  last_manifest INTEGER NOT NULL,
  counts TEXT NOT NULL
);
