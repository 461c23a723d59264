-- compatible from: 0011 (a table, columns that may be empty, and one with a default)
-- Why a pickup failed (NPR) stands beside why a delivery did, and calls of polling are held apart over all processes.

ALTER TABLE shipments ADD COLUMN npr_code INTEGER;
ALTER TABLE scans ADD COLUMN npr_code INTEGER;
ALTER TABLE scans ADD COLUMN npr_words TEXT NOT NULL DEFAULT '';

CREATE TABLE paces (
  name TEXT NOT NULL PRIMARY KEY,
  next_turn DOUBLE PRECISION NOT NULL
);
