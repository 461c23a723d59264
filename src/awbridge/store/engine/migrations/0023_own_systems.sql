-- compatible from: 0023 (rebuilds an index over other rows)
-- Since when nothing gets through to an endpoint: NULL while the last try was taken, or before the first one.
ALTER TABLE endpoints ADD COLUMN failing_since_at TIMESTAMPTZ;

-- What has not been delivered, by endpoint: a small part of all deliveries.
CREATE INDEX event_deliveries_undelivered ON event_deliveries (endpoint_id, state, event_id) WHERE state <> 'delivered';

-- Journeys that are still open, also those of which no scan was ever seen: they too may be late, or stand still.
DROP INDEX shipments_on_their_way;
CREATE INDEX shipments_on_their_way ON shipments (shard, reference_number) WHERE state = 'placed' AND NOT final;
