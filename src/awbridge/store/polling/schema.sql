-- When the next call of a kind may be made, in seconds since 1970, over all processes.
CREATE TABLE paces (
  name TEXT NOT NULL PRIMARY KEY,
  next_turn DOUBLE PRECISION NOT NULL
);

-- The windows of updated-order. A row is claimed (lease_ends_at), fetched page by page, then done. next_page: where to
-- resume after an interruption (the parameters of the vendor's link, without credentials); page_at: since when.
CREATE TABLE catch_up_windows (
  from_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  to_at TIMESTAMPTZ NOT NULL,
  lease_ends_at TIMESTAMPTZ,
  done_at TIMESTAMPTZ,
  items INTEGER NOT NULL,
  problem TEXT,
  next_page TEXT,
  page_at TIMESTAMPTZ
);
CREATE INDEX catch_up_windows_open ON catch_up_windows (from_at) WHERE done_at IS NULL;

-- Keys that ClickPost issued for our webhook, as SHA-256 only.
CREATE TABLE webhook_keys (
  sha256 TEXT NOT NULL PRIMARY KEY,
  webhook_url TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

-- What each source delivered, by ten minutes of receipt: deliveries that were read, and scans that it reported first. The
-- slot is the counting transaction's, one of four of its process, so that few wait for each other.
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

-- Webhooks refused with 401, by reason: `no_key` (a proxy may have dropped the header) or `wrong_key`.
CREATE TABLE webhook_refusals (
  reason TEXT NOT NULL PRIMARY KEY,
  refused INTEGER NOT NULL,
  last_at TIMESTAMPTZ NOT NULL
);
