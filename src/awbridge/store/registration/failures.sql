-- fragment: newest_call
-- The newest call that tried to place the shipment: the same index entry for each, whatever else was called about it.
JOIN attempts ON attempts.shard = failed.shard AND attempts.id = (
  SELECT MAX(id) FROM attempts a
  WHERE a.shard = failed.shard AND a.reference_number = failed.reference_number AND a.api = 'create-order'
)

-- name: groups
-- Bounded: only the newest of a state are looked at, each with one call.
WITH failed AS {{postgres: MATERIALIZED}} (
  SELECT shard, reference_number, courier_partner_id FROM shipments
  WHERE state = $1 ORDER BY created_at DESC, reference_number DESC LIMIT $2
)
SELECT failed.courier_partner_id, attempts.http_status, attempts.business_status, COUNT(*) AS shipments,
  MAX(attempts.made_at) AS last_at
FROM failed
{{newest_call}}
GROUP BY failed.courier_partner_id, attempts.http_status, attempts.business_status
ORDER BY shipments DESC, failed.courier_partner_id

-- name: of_group
WITH failed AS {{postgres: MATERIALIZED}} (
  SELECT shard, reference_number, courier_partner_id FROM shipments
  WHERE state = $1 ORDER BY created_at DESC, reference_number DESC LIMIT $2
)
SELECT failed.reference_number
FROM failed
{{newest_call}}
WHERE failed.courier_partner_id = $3 AND COALESCE(attempts.http_status, 0) = $4
  AND COALESCE(attempts.business_status, 0) = $5
ORDER BY failed.reference_number LIMIT $6
