-- compatible from: 0074 (older versions read an index that is dropped, and leave marks on parcels that moved)
-- Every scan changed the index of open parcels by the time of their newest scan, and with it a row could not stay in its
-- page. Stuck parcels are marked instead. Those that are open now are looked at once, as they have no time to count from.
ALTER TABLE shipments ADD COLUMN counted_from_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN stuck_since_at TIMESTAMPTZ;
DROP INDEX shipments_open;
CREATE INDEX shipments_to_mark ON shipments (COALESCE(counted_from_at, placed_at))
  WHERE state = 'placed' AND NOT final AND stuck_since_at IS NULL;
CREATE INDEX shipments_stuck ON shipments (stuck_since_at, reference_number)
  WHERE stuck_since_at IS NOT NULL AND state = 'placed' AND NOT final;
