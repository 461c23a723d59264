-- compatible from: 0039 (a new table, which older versions do not ask)
-- The latest time that any process has seen, so that a clock which was ahead and is right again is noticed.
CREATE TABLE clock_marks (
  id SMALLINT NOT NULL PRIMARY KEY,
  latest_at TIMESTAMPTZ NOT NULL,
  set_back_at TIMESTAMPTZ,
  set_back_seconds DOUBLE PRECISION
);
