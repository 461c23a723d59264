-- name: add
INSERT INTO attempts (shard, id, reference_number, api, method, http_status, business_status, error, outcome, ms, made_at,
  payload_version, packed_call, url, request, response)
{{postgres:
SELECT shard, id, reference_number, api, method, http_status, business_status, error, outcome, ms, made_at, payload_version,
  packed_call, '', '', ''
FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[],
  $7::integer[], $8::text[], $9::text[], $10::integer[], $11::timestamptz[], $12::integer[], $13::bytea[])
  AS row (shard, id, reference_number, api, method, http_status, business_status, error, outcome, ms, made_at,
    payload_version, packed_call)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', '')}}
ON CONFLICT (shard, id) DO NOTHING

-- name: of_shipment
SELECT {{attempts.*}} FROM attempts WHERE shard = $1 AND reference_number = $2 ORDER BY id

-- name: placed_anew
-- A call since then that placed it; not with the business status of one that was placed before.
SELECT 1 AS placed FROM attempts
WHERE shard = $1 AND reference_number = $2 AND id >= $3 AND outcome = 'placed'
  AND (business_status IS NULL OR business_status <> $4)
LIMIT 1

-- name: page_of_shipment
-- Ordered by the reference number too, which is the same in every row: only the index of shipments has that order.
SELECT {{attempts.*}} FROM attempts
WHERE shard = $1 AND reference_number <= $2 AND (reference_number, id) > ($2, $3)
ORDER BY reference_number, id LIMIT $4

-- name: newest_of_shipment
SELECT {{attempts.*}} FROM attempts
WHERE shard = $1 AND reference_number >= $2 AND (reference_number, id) < ($2, $3)
ORDER BY reference_number DESC, id DESC LIMIT $4

-- fragment: evidence
SELECT {{attempts.*}}, s.waybill, s.order_id, s.courier_partner_id, s.account_code, s.transporter, s.problem,
  CASE WHEN attempts.api = 'cancel-order' THEN COALESCE(s.cancel_state, s.state) ELSE s.state END AS state,
  CASE WHEN attempts.api = 'cancel-order' THEN s.cancel_tries ELSE s.no_of_retries END AS no_of_retries,
  (SELECT COUNT(*) FROM attempts b WHERE b.shard = attempts.shard AND b.reference_number = attempts.reference_number
    AND b.api = attempts.api AND b.id <= attempts.id) AS try_number
FROM attempts LEFT JOIN shipments s ON s.shard = attempts.shard AND s.reference_number = attempts.reference_number

-- name: of_file
{{evidence}}
-- The second condition is what makes the partial index usable.
WHERE attempts.archive_file = $1 AND attempts.archive_file > 0 ORDER BY attempts.id

-- name: evidence_of_shipment
{{evidence}}
WHERE attempts.shard = $1 AND attempts.reference_number = $2 ORDER BY attempts.id

-- name: failed_between
-- What surely went well is left out here, so that a day of a million good calls is not read; the caller judges the
-- rest. The last answer of a shipment that gave up may look harmless: a courier that never finished.
{{evidence}}
WHERE attempts.made_at >= $1 AND attempts.made_at < $2 AND (attempts.made_at, attempts.id) > ($3, $4)
  AND (attempts.outcome NOT IN ('placed', 'pending', 'cancelled', 'done', 'recommended', 'found', 'not_found',
      'not_held', 'not_certain') OR (s.state = 'gave_up' AND attempts.api = 'create-order')
      OR (s.cancel_state = 'gave_up' AND attempts.api = 'cancel-order'))
ORDER BY attempts.made_at, attempts.id LIMIT $5
