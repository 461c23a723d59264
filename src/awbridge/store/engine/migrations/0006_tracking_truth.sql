-- compatible from: 0006 (older versions apply deliveries without keeping what they told)
-- Where a shipment stands can be rebuilt from the inbox: which delivery told what of which shipment is kept, every
-- promised date with when it was heard, and how far a replay of everything has come.
ALTER TABLE shipments ADD COLUMN edd_due_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN ndr_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN forward_waybill TEXT;
ALTER TABLE shipments ADD COLUMN forward_reference_number TEXT;
CREATE INDEX shipments_open ON shipments (COALESCE(status_bucket, 1), COALESCE(status_at, placed_at)) WHERE state = 'placed' AND NOT final;
CREATE INDEX shipments_promised ON shipments (edd_due_at, reference_number) WHERE edd_due_at IS NOT NULL AND state = 'placed' AND NOT final;
CREATE INDEX shipments_in_ndr ON shipments (ndr_at, reference_number) WHERE ndr_at IS NOT NULL;

ALTER TABLE inbox ADD COLUMN told SMALLINT;
CREATE INDEX inbox_untold ON inbox (id) WHERE applied_at IS NOT NULL AND told IS NULL;

CREATE TABLE tellings (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  delivery_id BIGINT NOT NULL,
  delivery_shard SMALLINT NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, delivery_id)
);

CREATE TABLE promises (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  said_at TIMESTAMPTZ NOT NULL,
  edd TEXT NOT NULL,
  heard_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, said_at, edd)
);

CREATE INDEX scans_ahead ON scans (id) WHERE scanned_at > received_at;

CREATE TABLE replays (
  started_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  shipments INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  done_at TIMESTAMPTZ
);
CREATE INDEX replays_open ON replays (started_at) WHERE done_at IS NULL;
