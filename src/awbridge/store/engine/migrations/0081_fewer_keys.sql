-- compatible from: 0081 (replaces keys)
-- The deliveries of events, and the notices, had two indexes of the same ids: the key, and one for lists of the newest. Now
-- the key serves both. Each milestone and notice is written again: autovacuum starts once a twentieth of them is old.
{{postgres: DROP INDEX event_deliveries_newest;
ALTER TABLE event_deliveries DROP CONSTRAINT event_deliveries_pkey,
  ADD CONSTRAINT event_deliveries_newest PRIMARY KEY (endpoint_id, event_id, shard);
DROP INDEX notices_newest;
ALTER TABLE notices DROP CONSTRAINT notices_pkey, ADD CONSTRAINT notices_newest PRIMARY KEY (id, shard);
ALTER TABLE notices SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE milestones SET (autovacuum_vacuum_scale_factor = 0.05);}}
