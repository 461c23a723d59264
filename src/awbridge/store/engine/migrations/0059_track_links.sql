-- compatible from: 0057 (older versions store shipments without links, and the step link_shipments adds them)
-- Links to the customer's page. link_generation counts how often a shipment's link was revoked (NULL: never).
ALTER TABLE shipments ADD COLUMN link_generation SMALLINT;
CREATE TABLE track_links (
  shard SMALLINT NOT NULL,
  link_id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  PRIMARY KEY (shard, link_id)
);
CREATE TABLE track_link_progress (
  id SMALLINT NOT NULL PRIMARY KEY,
  until_at TIMESTAMPTZ NOT NULL,
  reference_number TEXT NOT NULL
);
