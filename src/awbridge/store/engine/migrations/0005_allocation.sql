-- compatible from: 0005 (older versions know no shipment without a courier)
-- Who takes over when a courier cannot; what fetch-accounts said that needs a person; own rules; successors.
ALTER TABLE courier_accounts ADD COLUMN fallback TEXT;

CREATE TABLE courier_warnings (
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT NOT NULL,
  transporter TEXT NOT NULL,
  kind TEXT NOT NULL,
  warning TEXT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (courier_partner_id, account_code, transporter)
);

CREATE TABLE courier_comparisons (
  id SMALLINT NOT NULL PRIMARY KEY,
  next_at TIMESTAMPTZ NOT NULL,
  compared_at TIMESTAMPTZ,
  problem TEXT
);

CREATE TABLE allocation_rules (
  position INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  transporter TEXT NOT NULL,
  conditions TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

ALTER TABLE shipments ADD COLUMN allocated_by TEXT;
ALTER TABLE shipments ADD COLUMN allocate_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN fallback_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN fallback_seen_at TIMESTAMPTZ;
CREATE INDEX shipments_to_allocate ON shipments (allocate_at) WHERE state = 'allocating';
CREATE INDEX shipments_to_replace ON shipments (updated_at) WHERE state IN ('rejected', 'gave_up', 'retrying');
CREATE INDEX shipments_placed_twice ON shipments (updated_at) WHERE replaced_by IS NOT NULL AND success;
