-- compatible from: 0030 (older versions give the scans of a waybill used again to its first shipment)
-- A courier gives a waybill to a second shipment once the first one is long at its end. The first use stays in waybills.
CREATE TABLE reused_waybills (
  shard SMALLINT NOT NULL,
  waybill TEXT NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  reference_number TEXT NOT NULL,
  kind TEXT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  label_url TEXT,
  sort_code TEXT,
  security_key TEXT,
  PRIMARY KEY (shard, waybill, courier_partner_id, reference_number)
);
CREATE INDEX reused_waybills_of_shipment ON reused_waybills (reference_number);
CREATE INDEX reused_waybills_newest ON reused_waybills (created_at);
