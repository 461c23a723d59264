-- compatible from: 0057 (older versions take a delivery without a due time for applied, and apply it no more)
-- Applying a delivery no longer rewrites the row that holds its body. Deliveries that are due by their own row stay so.
CREATE TABLE inbox_batches (
  first_id BIGINT NOT NULL,
  shard SMALLINT NOT NULL,
  last_id BIGINT NOT NULL,
  deliveries INTEGER NOT NULL,
  received_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (first_id, shard)
);
