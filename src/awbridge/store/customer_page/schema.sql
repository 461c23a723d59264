-- The link of each shipment to the customer's page. link_id: a hash of its reference number and of its generation; the
-- token in the link is a keyed permutation of it. A link that is revoked has no row.
CREATE TABLE track_links (
  shard SMALLINT NOT NULL,
  link_id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  PRIMARY KEY (shard, link_id)
);

-- Two rows: up to where shipments were looked through for some without a link, as older versions store them: once soon
-- after they were stored (1), once a day later, for transactions that were open long (2).
CREATE TABLE track_link_progress (
  id SMALLINT NOT NULL PRIMARY KEY,
  until_at TIMESTAMPTZ NOT NULL,
  reference_number TEXT NOT NULL
);
