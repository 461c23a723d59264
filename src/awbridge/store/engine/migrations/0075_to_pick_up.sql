-- compatible from: 0074 (older versions leave a parcel in the new index until it ends, where each look skips it)
-- What waits for its courier was found in the index that 0074 drops. picked_up: whether the status left the first bucket
-- (NULL: not known yet). It changes once in a journey, so a usual scan changes no index.
ALTER TABLE shipments ADD COLUMN picked_up BOOLEAN;
CREATE INDEX shipments_to_pick_up ON shipments (placed_at, reference_number)
  WHERE state = 'placed' AND NOT final AND picked_up IS NOT TRUE;
