-- compatible from: 0002 (a table and indexes)
-- What people and systems want done at ClickPost, beside registering and cancelling. The shard is the shipment's, and
-- stands in the id too. next_try_at: when act takes it up (NULL: never). idempotency_key: the caller's, part of the id.
CREATE TABLE actions (
  shard SMALLINT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  reference_number TEXT,
  body TEXT NOT NULL,
  idempotency_key TEXT,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_try_at TIMESTAMPTZ,
  lease_owner TEXT,
  lease_ends_at TIMESTAMPTZ,
  problem TEXT,
  result TEXT,
  asked_at TIMESTAMPTZ NOT NULL,
  done_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, id)
);
CREATE INDEX actions_due ON actions (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX actions_of_shipment ON actions (shard, reference_number, asked_at, id);
CREATE INDEX actions_newest ON actions (asked_at, id);
CREATE INDEX actions_by_state ON actions (state, asked_at, id);

-- Cancellations are counted at every scrape of the metrics.
CREATE INDEX shipments_cancel_asked ON shipments (state) WHERE cancel_asked_at IS NOT NULL;
