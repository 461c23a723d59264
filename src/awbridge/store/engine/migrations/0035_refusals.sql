-- compatible from: 0033 (an index)
-- The share of refused orders is counted out of the newest refusals and the newest placings.
CREATE INDEX shipments_refused ON shipments (updated_at) WHERE state = 'rejected';
