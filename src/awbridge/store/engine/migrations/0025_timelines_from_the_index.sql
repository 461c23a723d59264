-- compatible from: 0025 (drops an index to rebuild it)
-- Applying a delivery reads all scans of its shipment. They came days apart and lie apart: with millions of them that was
-- a page read from the disk for each. Now the index holds what apply needs of them. SQLite cannot; there they fit.
{{postgres:
DROP INDEX scans_of_shipment;
CREATE INDEX scans_of_shipment ON scans (shard, reference_number, scanned_at, id) INCLUDE (fingerprint, scan_id,
  checkpoint_id, ndr_code, waybill, status_code, received_at, source, npr_code, npr_words);
}}
