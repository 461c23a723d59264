-- compatible from: 0006 (tables, indexes, and columns that may be empty)
-- Catching up page by page, waybills that fell silent, and whether webhooks still come.

ALTER TABLE catch_up_windows ADD COLUMN next_page TEXT;
ALTER TABLE catch_up_windows ADD COLUMN page_at TIMESTAMPTZ;

ALTER TABLE shipments ADD COLUMN aged_out_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN asked_back_at TIMESTAMPTZ;
CREATE INDEX shipments_aged_out ON shipments (aged_out_at, reference_number) WHERE aged_out_at IS NOT NULL;
CREATE INDEX waybills_of_shipment ON waybills (reference_number);

CREATE TABLE arrivals (
  from_at TIMESTAMPTZ NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  slot SMALLINT NOT NULL,
  deliveries INTEGER NOT NULL,
  scans INTEGER NOT NULL,
  last_delivery_at TIMESTAMPTZ,
  last_scan_at TIMESTAMPTZ,
  PRIMARY KEY (from_at, courier_partner_id, source, slot)
);

CREATE TABLE webhook_refusals (
  reason TEXT NOT NULL PRIMARY KEY,
  refused INTEGER NOT NULL,
  last_at TIMESTAMPTZ NOT NULL
);
