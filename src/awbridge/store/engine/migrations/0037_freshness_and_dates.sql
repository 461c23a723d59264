-- compatible from: 0035 (a column that may be empty, and an index)
-- How old a status is by ClickPost's own word (`latest_time_stamp`), where that is older than the scan.
ALTER TABLE milestones ADD COLUMN fresh_at TIMESTAMPTZ;

-- Open parcels whose expected date is words that nobody can read.
CREATE INDEX shipments_promised_in_words ON shipments (reference_number)
  WHERE edd IS NOT NULL AND edd_due_at IS NULL AND state = 'placed' AND NOT final;
