-- fragment: newest_call
-- The newest call that tried to place the shipment. LATERAL: for many shipments PostgreSQL would read every call and join.
{{postgres: CROSS JOIN LATERAL (
  SELECT a.http_status, a.business_status, a.made_at FROM attempts a
  WHERE a.shard = failed.shard AND a.reference_number = failed.reference_number AND a.api = 'create-order'
  ORDER BY a.id DESC LIMIT 1
) attempts}}
{{sqlite: JOIN attempts ON attempts.shard = failed.shard AND attempts.id = (
  SELECT MAX(id) FROM attempts a
  WHERE a.shard = failed.shard AND a.reference_number = failed.reference_number AND a.api = 'create-order'
)}}

-- fragment: failed
-- The newest of a state. By a range, and ordered by the state too: only the index of states has that order.
SELECT shard, reference_number, courier_partner_id FROM shipments
WHERE state >= $1 AND state <= $1 ORDER BY state DESC, created_at DESC, reference_number DESC LIMIT $2

-- name: groups
-- Bounded: only the newest of a state are looked at, each with one call.
WITH failed AS {{postgres: MATERIALIZED}} (
  {{failed}}
)
SELECT failed.courier_partner_id, attempts.http_status, attempts.business_status, COUNT(*) AS shipments,
  MAX(attempts.made_at) AS last_at
FROM failed
{{newest_call}}
GROUP BY failed.courier_partner_id, attempts.http_status, attempts.business_status
ORDER BY shipments DESC, failed.courier_partner_id

-- name: of_group
WITH failed AS {{postgres: MATERIALIZED}} (
  {{failed}}
)
SELECT failed.reference_number
FROM failed
{{newest_call}}
WHERE failed.courier_partner_id = $3 AND COALESCE(attempts.http_status, 0) = $4
  AND COALESCE(attempts.business_status, 0) = $5
ORDER BY failed.reference_number LIMIT $6
