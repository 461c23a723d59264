-- Which scans a shipment has is asked for with every delivery. Read from the index alone, old shipments whose scans lie
-- scattered over the disk cost no more than new ones. It serves the timeline as well, which sorts its few rows.
CREATE INDEX scans_known ON scans (shard, reference_number, fingerprint, scan_id, checkpoint_id, id);
DROP INDEX scans_of_shipment;
