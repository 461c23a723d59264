-- Citus adds a constraint by a statement of its own only.
DROP INDEX event_deliveries_newest;
ALTER TABLE event_deliveries DROP CONSTRAINT event_deliveries_pkey;
ALTER TABLE event_deliveries ADD CONSTRAINT event_deliveries_newest PRIMARY KEY (endpoint_id, event_id, shard);
DROP INDEX notices_newest;
ALTER TABLE notices DROP CONSTRAINT notices_pkey;
ALTER TABLE notices ADD CONSTRAINT notices_newest PRIMARY KEY (id, shard);
ALTER TABLE notices SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE milestones SET (autovacuum_vacuum_scale_factor = 0.05);
