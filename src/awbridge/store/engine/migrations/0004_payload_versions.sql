-- compatible from: 0004 (older versions edit payloads without keeping them, and do not wait for the shipment before)
-- The payloads of shipments whose payload was changed: the first one and every later one. A shipment without rows here
-- has had one payload, its own.
CREATE TABLE payload_versions (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  version INTEGER NOT NULL,
  payload TEXT NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL,
  changed_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, version)
);

ALTER TABLE shipments ADD COLUMN payload_version INTEGER;
ALTER TABLE shipments ADD COLUMN replaces TEXT;
ALTER TABLE shipments ADD COLUMN replaced_by TEXT;
ALTER TABLE shipments ADD COLUMN waits_for TEXT;
CREATE INDEX shipments_waiting ON shipments (shard, reference_number) WHERE waits_for IS NOT NULL;

ALTER TABLE attempts ADD COLUMN payload_version INTEGER;
