-- name: reach
-- Once for each shipment: a milestone that was reached before stays as it is.
INSERT INTO milestones (shard, reference_number, milestone, status_code, ndr_code, status_at, reached_at, due_at, why,
  fresh_at)
{{postgres:
SELECT shard, reference_number, milestone, status_code, ndr_code, status_at, reached_at, reached_at, '', fresh_at
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::timestamptz[], $7::timestamptz[],
  $8::timestamptz[])
  AS row (shard, reference_number, milestone, status_code, ndr_code, status_at, reached_at, fresh_at)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $7, '', $8)}}
ON CONFLICT (shard, reference_number, milestone) DO NOTHING

-- name: listeners
-- Held until the transaction ends: an endpoint enabled in between would never receive these events.
SELECT id, kinds, enabled FROM endpoints ORDER BY id {{postgres: FOR SHARE}}

-- name: add
INSERT INTO events (shard, id, reference_number, kind, packed_body, created_at, body)
{{postgres: SELECT shard, id, reference_number, kind, packed_body, created_at, ''
FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[])
  AS row (shard, id, reference_number, kind, packed_body, created_at)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, '')}}

-- name: add_deliveries
INSERT INTO event_deliveries (shard, event_id, endpoint_id, state, tries, next_try_at, updated_at)
{{postgres:
SELECT shard, event_id, endpoint_id, 'due', 0, next_try_at, updated_at
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
  AS row (shard, event_id, endpoint_id, next_try_at, updated_at)}}
{{sqlite: VALUES ($1, $2, $3, 'due', 0, $4, $5)}}

-- name: claim
-- Materialized: a planner that runs the choice again for each row would take more than the limit.
WITH chosen AS MATERIALIZED (
  SELECT shard, event_id, endpoint_id FROM event_deliveries
  WHERE next_try_at <= $3 AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY next_try_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE event_deliveries SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, event_id, endpoint_id) IN (SELECT shard, event_id, endpoint_id FROM chosen)
RETURNING shard, event_id, endpoint_id, tries

-- name: bodies
SELECT e.shard, e.id, e.kind, e.body, e.packed_body, e.reference_number, COALESCE(s.link_generation, 0) AS link_generation
FROM events e LEFT JOIN shipments s ON s.shard = e.shard AND s.reference_number = e.reference_number
WHERE e.id {{in $1::bigint[]}} AND e.shard {{in $2::smallint[]}}

-- name: settle
UPDATE event_deliveries SET state = $5, tries = $6, next_try_at = $7, http_status = $8, problem = $9, lease_owner = NULL,
  lease_ends_at = NULL, updated_at = $10
WHERE shard = $1 AND event_id = $2 AND endpoint_id = $3 AND lease_owner = $4

-- name: pause
-- Those of an endpoint that is disabled wait; nothing is thrown away. Here and below `state <> 'delivered'` says nothing
-- new: it is what lets SQLite take the index of the undelivered.
UPDATE event_deliveries SET next_try_at = NULL, lease_owner = NULL, lease_ends_at = NULL
WHERE endpoint_id = $1 AND state = 'due' AND state <> 'delivered' AND next_try_at IS NOT NULL

-- name: resume
UPDATE event_deliveries SET next_try_at = $2, tries = 0
WHERE endpoint_id = $1 AND state = 'due' AND state <> 'delivered' AND next_try_at IS NULL

-- name: redeliver
UPDATE event_deliveries SET state = 'due', tries = 0, next_try_at = $3, lease_owner = NULL, lease_ends_at = NULL,
  updated_at = $3
WHERE endpoint_id = $1 AND event_id = $2

-- name: redeliver_failed
UPDATE event_deliveries SET state = 'due', tries = 0, next_try_at = $2, updated_at = $2
WHERE endpoint_id = $1 AND state = 'failed' AND state <> 'delivered'

-- name: forget
DELETE FROM event_deliveries WHERE endpoint_id = $1

-- fragment: with_events
SELECT page.event_id, e.kind, e.reference_number, page.state, page.tries, page.next_try_at, page.http_status, page.problem,
  e.created_at, page.updated_at
FROM page JOIN events e ON e.shard = page.shard AND e.id = page.event_id
ORDER BY page.event_id DESC

-- name: newest
-- The page first: PostgreSQL would join every delivery of the endpoint, then sort them.
WITH page AS MATERIALIZED (
  SELECT {{event_deliveries.*}} FROM event_deliveries WHERE endpoint_id = $1 AND event_id < $3
  ORDER BY event_id DESC LIMIT $2
)
{{with_events}}

-- name: newest_undelivered
-- By a range, and ordered by the state too: only the index of what is undelivered has that order. With an equality
-- PostgreSQL may take few to be in that state, and sort all that are.
WITH page AS MATERIALIZED (
  SELECT {{event_deliveries.*}} FROM event_deliveries
  WHERE endpoint_id = $1 AND state <> 'delivered' AND state >= $3 AND (state, event_id) < ($3, $4)
  ORDER BY state DESC, event_id DESC LIMIT $2
)
{{with_events}}

-- name: one
WITH page AS MATERIALIZED (
  SELECT {{event_deliveries.*}} FROM event_deliveries WHERE endpoint_id = $1 AND event_id = $2
)
SELECT page.event_id, e.kind, e.reference_number, page.state, page.tries, page.next_try_at, page.http_status, page.problem,
  e.created_at, page.updated_at, e.body, e.packed_body, COALESCE(s.link_generation, 0) AS link_generation
FROM page JOIN events e ON e.shard = page.shard AND e.id = page.event_id
LEFT JOIN shipments s ON s.shard = e.shard AND s.reference_number = e.reference_number

-- name: count_since
SELECT COUNT(*) AS events FROM event_deliveries WHERE endpoint_id = $1 AND event_id >= $2 AND event_id < $3

-- name: redeliver_between
-- One batch of a replay, in the order of the ids. Those that are due already keep their tries.
WITH chosen AS MATERIALIZED (
  SELECT shard, event_id, state FROM event_deliveries
  WHERE endpoint_id = $1 AND event_id >= $2 AND event_id < $3
  ORDER BY event_id LIMIT $4
  {{postgres: FOR UPDATE}}
)
UPDATE event_deliveries SET state = 'due', tries = CASE WHEN state = 'due' THEN tries ELSE 0 END,
  next_try_at = CASE WHEN state = 'due' THEN next_try_at ELSE $5{{postgres: ::timestamptz}} END,
  lease_owner = CASE WHEN state = 'due' THEN lease_owner END, lease_ends_at = CASE WHEN state = 'due' THEN lease_ends_at END,
  updated_at = $5
WHERE endpoint_id = $1 AND (shard, event_id) IN (SELECT shard, event_id FROM chosen)
RETURNING event_id

-- name: count_undelivered
SELECT endpoint_id, state, COUNT(*) AS deliveries FROM event_deliveries WHERE state <> 'delivered'
GROUP BY endpoint_id, state

-- name: reached_by
-- Many rows: reference number, shard.
{{keys}}
SELECT reference_number, milestone FROM key {{sqlite: CROSS}} JOIN milestones
  ON milestones.shard = key.shard AND milestones.reference_number = key.value
