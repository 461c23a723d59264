-- name: take_milestones
-- Making notices makes no calls: the transaction is the lease.
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number, milestone FROM milestones WHERE due_at <= $1
  ORDER BY due_at LIMIT $2
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE milestones SET due_at = NULL, why = $3
WHERE (shard, reference_number, milestone) IN (SELECT shard, reference_number, milestone FROM chosen)
RETURNING {{milestones.*}}

-- name: add
INSERT INTO notices (shard, id, reference_number, milestone, channel, state, why, due_at, tries, language, created_at)
{{postgres:
SELECT shard, id, reference_number, milestone, channel, 'due', '', created_at, 0, '', created_at
FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
  AS row (shard, id, reference_number, milestone, channel, created_at)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, 'due', '', $6, 0, '', $6)}}
ON CONFLICT (shard, reference_number, milestone, channel) DO NOTHING

-- name: claim
-- Materialized: a planner that runs the choice again for each row would take more than the limit.
WITH chosen AS MATERIALIZED (
  SELECT shard, id FROM notices
  WHERE due_at <= $3 AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY due_at, id
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE notices SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, id) IN (SELECT shard, id FROM chosen)
RETURNING {{notices.*}}

-- name: of_shipment
-- `+id`: to have them in order at once, SQLite would read the whole shard along the primary key.
SELECT {{notices.*}} FROM notices WHERE shard = $1 AND reference_number = $2 ORDER BY +id

-- name: milestones_of
SELECT {{milestones.*}} FROM milestones WHERE shard = $1 AND reference_number = $2 ORDER BY reached_at, milestone

-- name: begin
-- From here on it may have been sent: a process that finds this state after the lease must assume that it was.
UPDATE notices SET state = 'sending', tries = tries + 1, lease_ends_at = $4, language = $5
WHERE shard = $1 AND id = $2 AND lease_owner = $3

-- name: settle
UPDATE notices SET state = $4, why = $5, due_at = $6, settled_at = $7, lease_owner = NULL, lease_ends_at = NULL
WHERE shard = $1 AND id = $2 AND lease_owner = $3

-- name: newest
SELECT {{notices.*}} FROM notices WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: newest_in_state
SELECT {{notices.*}} FROM notices WHERE state = $3 AND id < $1 ORDER BY id DESC LIMIT $2

-- name: newest_unsent
-- The same for a state that few are in: out of the index that leaves out those that are sent or suppressed.
SELECT {{notices.*}} FROM notices WHERE state = $3 AND state <> 'sent' AND state <> 'suppressed' AND id < $1 ORDER BY id DESC LIMIT $2

-- name: unwell_since
-- Ids grow with time: the newest are found without an index on it.
SELECT state, COUNT(*) AS notices FROM notices
WHERE id > $1 AND state IN ('failed', 'maybe_sent') GROUP BY state
