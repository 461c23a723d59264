-- compatible from: 0062 (older versions do not see the deliveries and expected dates that are stored with scans)
-- A delivery that brought one scan is stored with it, and the expected date that it stated. Before, each was a row with
-- indexes of its own. A scan is recognised under the lock of its shipment: it needs no second unique key.
ALTER TABLE shipments ADD COLUMN edd_stated_at TIMESTAMPTZ;
{{postgres: ALTER TABLE scans DROP COLUMN identity;
ALTER TABLE scans ADD COLUMN delivery_id BIGINT;
ALTER TABLE scans ADD COLUMN delivery_shard SMALLINT;
ALTER TABLE scans ADD COLUMN edd TEXT;}}
{{sqlite: ALTER TABLE scans RENAME TO scans_before;
DROP INDEX scans_of_shipment;
DROP INDEX scans_ahead;
CREATE TABLE scans (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  scan_id TEXT,
  checkpoint_id TEXT,
  waybill TEXT NOT NULL,
  courier_partner_id INTEGER,
  status_code INTEGER NOT NULL,
  status TEXT NOT NULL,
  remark TEXT NOT NULL,
  location TEXT NOT NULL,
  ndr_code INTEGER,
  scanned_at TIMESTAMPTZ NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  npr_code INTEGER,
  npr_description TEXT NOT NULL DEFAULT '',
  description TEXT NOT NULL DEFAULT '',
  ndr_description TEXT NOT NULL DEFAULT '',
  return_event TEXT,
  delivery_id BIGINT,
  delivery_shard SMALLINT,
  edd TEXT,
  PRIMARY KEY (shard, id)
);
INSERT INTO scans (shard, id, reference_number, fingerprint, scan_id, checkpoint_id, waybill, courier_partner_id, status_code,
  status, remark, location, ndr_code, scanned_at, received_at, source, npr_code, npr_description, description,
  ndr_description, return_event)
SELECT shard, id, reference_number, fingerprint, scan_id, checkpoint_id, waybill, courier_partner_id, status_code,
  status, remark, location, ndr_code, scanned_at, received_at, source, npr_code, npr_description, description,
  ndr_description, return_event FROM scans_before ORDER BY rowid;
DROP TABLE scans_before;
CREATE INDEX scans_of_shipment ON scans (shard, reference_number, scanned_at, id);
CREATE INDEX scans_ahead ON scans (id) WHERE scanned_at > received_at;}}
