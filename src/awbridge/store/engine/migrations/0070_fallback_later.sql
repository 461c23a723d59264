-- compatible from: 0064 (older versions do not use the index)
-- When the fallback of a failed shipment is tried again: the earliest is read out of this index.
CREATE INDEX shipments_fallback_later ON shipments (fallback_at)
  WHERE fallback_at IS NOT NULL AND state IN ('rejected', 'gave_up', 'retrying');
