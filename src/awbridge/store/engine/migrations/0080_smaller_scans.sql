-- compatible from: 0080 (older versions do not see the deliveries that are stored with scans)
-- A delivery that repeats a scan is stored with it: before, each was a row with two indexes. The index of timelines no
-- longer includes what apply reads: it was as large as the rows, and got another entry for each scan that was learnt from.
-- Most scans are written a second time: autovacuum starts once a twentieth of the rows is old, and not a fifth.
{{postgres: CREATE INDEX scans_of_shipment_alone ON scans (shard, reference_number, scanned_at, id);
DROP INDEX scans_of_shipment;
ALTER INDEX scans_of_shipment_alone RENAME TO scans_of_shipment;
ALTER TABLE scans SET (autovacuum_vacuum_scale_factor = 0.05);}}
ALTER TABLE scans ADD COLUMN copies BYTEA;
