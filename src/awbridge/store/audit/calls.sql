-- name: of_file
SELECT a.shard, a.id, a.reference_number, a.api, a.method, a.url, a.request, a.http_status, a.business_status,
  a.response, a.error, a.outcome, a.ms, a.made_at, s.waybill, s.order_id, s.courier_partner_id, s.account_code,
  s.transporter, CASE WHEN a.api = 'cancel-order' THEN COALESCE(s.cancel_state, s.state) ELSE s.state END AS state,
  CASE WHEN a.api = 'cancel-order' THEN s.cancel_tries ELSE s.no_of_retries END AS no_of_retries, s.problem,
  (SELECT COUNT(*) FROM attempts b
   WHERE b.shard = a.shard AND b.reference_number = a.reference_number AND b.api = a.api AND b.id <= a.id) AS try_number
FROM attempts a LEFT JOIN shipments s ON s.shard = a.shard AND s.reference_number = a.reference_number
-- The second condition is what makes the partial index usable.
WHERE a.archive_file = $1 AND a.archive_file > 0 ORDER BY a.id

-- name: of_shipment
SELECT a.shard, a.id, a.reference_number, a.api, a.method, a.url, a.request, a.http_status, a.business_status,
  a.response, a.error, a.outcome, a.ms, a.made_at, s.waybill, s.order_id, s.courier_partner_id, s.account_code,
  s.transporter, CASE WHEN a.api = 'cancel-order' THEN COALESCE(s.cancel_state, s.state) ELSE s.state END AS state,
  CASE WHEN a.api = 'cancel-order' THEN s.cancel_tries ELSE s.no_of_retries END AS no_of_retries, s.problem,
  (SELECT COUNT(*) FROM attempts b
   WHERE b.shard = a.shard AND b.reference_number = a.reference_number AND b.api = a.api AND b.id <= a.id) AS try_number
FROM attempts a LEFT JOIN shipments s ON s.shard = a.shard AND s.reference_number = a.reference_number
WHERE a.shard = $1 AND a.reference_number = $2 ORDER BY a.id

-- name: failed_between
-- What surely went well is left out here, so that a day of a million good calls is not read; the rest is judged by
-- whoever reads. The last answer of a shipment that gave up may look harmless: a courier that never finished.
SELECT a.shard, a.id, a.reference_number, a.api, a.method, a.url, a.request, a.http_status, a.business_status,
  a.response, a.error, a.outcome, a.ms, a.made_at, s.waybill, s.order_id, s.courier_partner_id, s.account_code,
  s.transporter, CASE WHEN a.api = 'cancel-order' THEN COALESCE(s.cancel_state, s.state) ELSE s.state END AS state,
  CASE WHEN a.api = 'cancel-order' THEN s.cancel_tries ELSE s.no_of_retries END AS no_of_retries, s.problem,
  (SELECT COUNT(*) FROM attempts b
   WHERE b.shard = a.shard AND b.reference_number = a.reference_number AND b.api = a.api AND b.id <= a.id) AS try_number
FROM attempts a LEFT JOIN shipments s ON s.shard = a.shard AND s.reference_number = a.reference_number
WHERE a.made_at >= $1 AND a.made_at < $2 AND (a.made_at, a.id) > ($3, $4)
  AND (a.outcome NOT IN ('placed', 'pending', 'cancelled', 'done', 'recommended', 'found', 'not_found', 'not_held',
      'not_certain') OR (s.state = 'gave_up' AND a.api = 'create-order')
      OR (s.cancel_state = 'gave_up' AND a.api = 'cancel-order'))
ORDER BY a.made_at, a.id LIMIT $5
