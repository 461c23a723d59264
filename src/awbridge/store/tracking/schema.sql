-- Every delivery as received, from any source. A new one is due by its row in inbox_batches. Its own row is written again
-- only where there is more to record: due_at (when apply is due), waiting_for (what must become known first: "w:" waybill,
-- "r:" reference number, "o:" order id), problem (what could not be read, or why it is dead-lettered). applied_at: when it
-- was applied, if its row was written then. shipments_updated: its number of rows in update_sources, likewise (NULL with
-- applied_at: applied by a version without that table).
-- source: w webhook, u updated_order, t track_order, r report; versions before migration 0080 stored the word.
-- The shard is derived from order_status_id without its last five digits, so that consecutive ids share a shard.
CREATE TABLE inbox (
  shard SMALLINT NOT NULL,
  id BIGINT NOT NULL,
  identity TEXT NOT NULL,
  source TEXT NOT NULL,
  body BYTEA NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  due_at TIMESTAMPTZ,
  applied_at TIMESTAMPTZ,
  waiting_for TEXT,
  tries INTEGER NOT NULL,
  problem TEXT,
  shipments_updated SMALLINT,
  PRIMARY KEY (shard, id),
  UNIQUE (shard, identity)
);
{{postgres: ALTER TABLE inbox SET (autovacuum_vacuum_scale_factor = 0.02);}}
CREATE INDEX inbox_due ON inbox (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX inbox_waiting ON inbox (waiting_for) WHERE waiting_for IS NOT NULL;
CREATE INDEX inbox_problems ON inbox (id) WHERE problem IS NOT NULL AND applied_at IS NULL;
CREATE INDEX inbox_uncounted ON inbox (id) WHERE applied_at IS NOT NULL AND shipments_updated IS NULL;

-- Deliveries that are not applied yet: the ids that one commit gave in one shard. A row for many deliveries costs less to
-- write and to remove than a due time in each of them. first_id, last_id: other processes' ids may be in between.
-- deliveries: how many, with copies that were not stored. received_at: of the first.
CREATE TABLE inbox_batches (
  first_id BIGINT NOT NULL,
  shard SMALLINT NOT NULL,
  last_id BIGINT NOT NULL,
  deliveries INTEGER NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (first_id, shard)
);

-- Which delivery updated which shipment, so that a shipment can be rebuilt from the inbox. entries: the indexes, from 0,
-- comma-separated, in a delivery that carries a list. The shard is the shipment's. Most deliveries are about one shipment,
-- and are stored with its scans instead: with one that they brought (scans.delivery_id) or repeated (scans.copies).
CREATE TABLE update_sources (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  delivery_id BIGINT NOT NULL,
  delivery_shard SMALLINT NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, delivery_id)
);
CREATE INDEX update_sources_of_delivery ON update_sources (delivery_id);

-- Every stated EDD. stated_at: the newest scan in the update that stated it. received_at: when that update arrived. One that
-- is newer than all others, and was stated with a new scan, is stored with the scan instead (scans.edd): stated_at is then
-- when the scan was made, or received if that was earlier.
CREATE TABLE promises (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  stated_at TIMESTAMPTZ NOT NULL,
  edd TEXT NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (shard, reference_number, stated_at, edd)
);

-- The timelines. The shard is the shipment's, so that a shipment and its scans are stored together. fingerprint: hashes of
-- the content of its copies, separated by spaces; those that begin with ~ leave out the location. npr_description:
-- ClickPost's text for npr_code. description, ndr_description: ClickPost's texts for a status_code and an ndr_code that
-- our tables lack. return_event: JSON of its return or exchange event. delivery_id, delivery_shard: the delivery that
-- brought it, if that has no row in update_sources. edd: the EDD that this delivery stated, if that has no row in promises.
-- copies: the later deliveries that repeated it and have no row in update_sources: of each its shard, a byte, and its id, 8.
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
  copies BYTEA,
  PRIMARY KEY (shard, id)
);
-- Nothing that a later copy adds to a scan is in an index: its row is written anew within its page (HOT).
CREATE INDEX scans_of_shipment ON scans (shard, reference_number, scanned_at, id);
-- Most scans are written a second time. Autovacuum starts once a twentieth of the rows is old, and not a fifth.
{{postgres: ALTER TABLE scans SET (autovacuum_vacuum_scale_factor = 0.05);}}
CREATE INDEX scans_ahead ON scans (id) WHERE scanned_at > received_at;

-- A rebuild of all shipments from the inbox, and the last shipment that it completed.
CREATE TABLE replays (
  started_at TIMESTAMPTZ NOT NULL PRIMARY KEY,
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  shipments INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  done_at TIMESTAMPTZ
);
CREATE INDEX replays_open ON replays (started_at) WHERE done_at IS NULL;
