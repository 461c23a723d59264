-- name: add
-- Found again after a kill: the first row stays.
INSERT INTO differences (shard, reconciliation_id, kind, item, id, reference_number, waybill, courier_partner_id, ours,
  theirs, state, checks, next_check_at, found_at)
{{postgres:
SELECT shard, rid, kind, item, id, reference, waybill, courier, ours, theirs, 'open', 0, look, found
FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::integer[],
  $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])
  AS f (shard, rid, kind, item, id, reference, waybill, courier, ours, theirs, look, found)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', 0, $11, $12)}}
ON CONFLICT (shard, reconciliation_id, kind, item) DO NOTHING

-- name: listed
SELECT {{differences.*}} FROM differences WHERE reconciliation_id = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: listed_of_kind
-- Ordered by the kind too, which is the same in every row: only the index of kinds has that order.
SELECT {{differences.*}} FROM differences
WHERE reconciliation_id = $1 AND kind <= $4 AND (kind, id) > ($4, $2)
ORDER BY kind, id LIMIT $3

-- name: listed_open
-- Of one kind, or of all with ''. The order is that of the ids of a run; solved ones are passed over.
SELECT {{differences.*}} FROM differences {{sqlite: INDEXED BY differences_listed}}
WHERE reconciliation_id = $1 AND id > $2 AND state = 'open' AND ($4 = '' OR kind = $4) ORDER BY id LIMIT $3

-- name: get
SELECT {{differences.*}} FROM differences WHERE reconciliation_id = $1 AND id = $2

-- name: count_open
SELECT kind, COUNT(*) AS n FROM differences WHERE reconciliation_id = $1 AND state = 'open' GROUP BY kind ORDER BY kind

-- name: unsolved_since
-- Of those that are still looked at: what stays open after that is in its run's report.
SELECT COUNT(*) AS n FROM differences WHERE next_check_at IS NOT NULL AND state = 'open' AND found_at <= $1

-- name: claim
-- Moving next_check_at on is the lease.
WITH chosen AS MATERIALIZED (
  SELECT shard, reconciliation_id, kind, item FROM differences
  WHERE next_check_at <= $1
  ORDER BY next_check_at LIMIT $3
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE differences SET next_check_at = $2, checks = checks + 1
WHERE (shard, reconciliation_id, kind, item) IN (SELECT shard, reconciliation_id, kind, item FROM chosen)
RETURNING {{differences.*}}

-- name: solve
UPDATE differences SET state = 'solved', solved_how = $4, solved_at = $3, next_check_at = NULL
WHERE reconciliation_id = $1 AND id = $2 AND state = 'open'

-- name: check_later
UPDATE differences SET next_check_at = $3 WHERE reconciliation_id = $1 AND id = $2 AND state = 'open'

-- name: pushed
UPDATE differences SET pushed_at = $3, next_check_at = $4, checks = 0
WHERE reconciliation_id = $1 AND id = $2 AND state = 'open'

-- name: to_push
SELECT {{differences.*}} FROM differences
WHERE reconciliation_id = $1 AND id > $2 AND kind = 'missing_there' AND state = 'open' AND pushed_at IS NULL
ORDER BY id LIMIT $3
