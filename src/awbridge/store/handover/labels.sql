-- name: want
-- A label whose link has changed is fetched again; so is one that no longer has its content, or failed.
INSERT INTO labels (shard, reference_number, piece, waybill, url, tries, next_try_at, created_at)
{{postgres:
SELECT shard, reference_number, piece, waybill, url, 0, at, at
FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::timestamptz[])
  AS row (shard, reference_number, piece, waybill, url, at)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, 0, $6, $6)}}
ON CONFLICT (shard, reference_number, piece) DO UPDATE SET
  waybill = excluded.waybill, url = excluded.url, content = NULL, size = NULL, problem = NULL, tries = 0,
  next_try_at = excluded.next_try_at, lease_owner = NULL, lease_ends_at = NULL, refreshed_at = NULL, fetched_at = NULL,
  created_at = excluded.created_at
WHERE labels.url <> excluded.url OR (labels.content IS NULL AND labels.next_try_at IS NULL)

-- name: hurry
-- What a person waits for is fetched now, if it waited to be tried again.
UPDATE labels SET next_try_at = $3
WHERE shard = $1 AND reference_number = $2 AND next_try_at > $3

-- fragment: known
labels.reference_number, labels.piece, labels.waybill, labels.url, labels.size, labels.problem, labels.tries,
  labels.next_try_at, labels.lease_owner, labels.refreshed_at, labels.fetched_at

-- name: claim
WITH chosen AS MATERIALIZED (
  SELECT shard, reference_number, piece FROM labels
  WHERE next_try_at <= $3 AND (lease_ends_at IS NULL OR lease_ends_at <= $3)
  ORDER BY next_try_at LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE labels SET lease_owner = $1, lease_ends_at = $2
WHERE (shard, reference_number, piece) IN (SELECT shard, reference_number, piece FROM chosen)
RETURNING {{known}}

-- name: claim_of
-- The due labels of one shipment.
UPDATE labels SET lease_owner = $3, lease_ends_at = $4
WHERE shard = $1 AND reference_number = $2 AND next_try_at <= $5
  AND (lease_ends_at IS NULL OR lease_ends_at <= $5)
RETURNING {{known}}

-- name: record
-- Only the lease's holder may write this.
UPDATE labels SET url = $5, content = $6, size = $7, problem = $8, tries = $9, next_try_at = $10, refreshed_at = $11,
  fetched_at = $12, lease_owner = NULL, lease_ends_at = NULL
WHERE shard = $1 AND reference_number = $2 AND piece = $3 AND lease_owner = $4

-- name: of_shipments
-- Many rows: reference number, shard.
{{keys}}
SELECT {{known}}
FROM key {{sqlite: CROSS}} JOIN labels ON labels.shard = key.shard AND labels.reference_number = key.value
ORDER BY labels.reference_number, labels.piece

-- name: contents
-- Many rows: reference number, shard.
{{keys}}
SELECT labels.reference_number, labels.piece, labels.content
FROM key {{sqlite: CROSS}} JOIN labels ON labels.shard = key.shard AND labels.reference_number = key.value
WHERE labels.content IS NOT NULL ORDER BY labels.reference_number, labels.piece

-- name: ahead
-- Shipments placed since, of accounts whose labels are fetched ahead ($2: of all). Those that are known are left out.
SELECT s.reference_number, s.placed_at FROM shipments s
WHERE s.placed_at >= $1 AND s.state = 'placed' AND s.label_url IS NOT NULL AND (s.placed_at, s.reference_number) > ($3, $4)
  AND ($2 {{postgres: ::boolean}} OR s.account {{in $5::text[]}})
  AND NOT EXISTS (SELECT 1 FROM labels l WHERE l.shard = s.shard AND l.reference_number = s.reference_number)
ORDER BY s.placed_at, s.reference_number LIMIT $6

-- name: drop_of
DELETE FROM labels WHERE shard = $1 AND reference_number = $2
