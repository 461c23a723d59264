-- name: count
INSERT INTO arrivals (from_at, courier_partner_id, source, slot, deliveries, scans, last_delivery_at, last_scan_at)
{{postgres:
SELECT * FROM unnest($1::timestamptz[], $2::integer[], $3::text[], $4::smallint[], $5::integer[], $6::integer[],
  $7::timestamptz[], $8::timestamptz[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8)}}
ON CONFLICT (from_at, courier_partner_id, source, slot) DO UPDATE SET
  deliveries = arrivals.deliveries + excluded.deliveries, scans = arrivals.scans + excluded.scans,
  last_delivery_at = COALESCE(excluded.last_delivery_at, arrivals.last_delivery_at),
  last_scan_at = COALESCE(excluded.last_scan_at, arrivals.last_scan_at)

-- name: since
SELECT courier_partner_id, source, SUM(deliveries) AS deliveries, SUM(scans) AS scans,
  MAX(last_delivery_at) AS last_delivery_at, MAX(last_scan_at) AS last_scan_at
FROM arrivals WHERE from_at >= $1
GROUP BY courier_partner_id, source ORDER BY courier_partner_id, source

-- name: last_webhook
-- The newest stretch that holds one; its row says when.
SELECT last_delivery_at FROM arrivals
WHERE source = 'webhook' AND last_delivery_at IS NOT NULL
ORDER BY from_at DESC, last_delivery_at DESC LIMIT 1

-- name: forget
DELETE FROM arrivals WHERE from_at < $1
