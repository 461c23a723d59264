-- compatible from: 0026 (drops indexes, one of which older versions name on SQLite)
-- What is late or stands still is now found in the indexes by time; an index of all that is open went with every scan.
DROP INDEX shipments_on_their_way;
DROP INDEX shipments_open;
CREATE INDEX shipments_open ON shipments (COALESCE(status_bucket, 1), COALESCE(status_at, placed_at),
  reference_number {{postgres: COLLATE "C"}}) WHERE state = 'placed' AND NOT final;
