-- name: shipments_page
SELECT shard, reference_number, payload, problem, waybill, children, order_id,
  CASE WHEN final OR state = 'cancelled' THEN 1 ELSE 0 END AS ended
FROM shipments WHERE (shard, reference_number) > ($1, $2) ORDER BY shard, reference_number LIMIT $3

-- name: shipment
SELECT shard, reference_number, payload, problem, waybill, children, order_id,
  CASE WHEN final OR state = 'cancelled' THEN 1 ELSE 0 END AS ended
FROM shipments WHERE shard = $1 AND reference_number = $2

-- name: attempts_of
SELECT shard, id, url, request, response, error FROM attempts WHERE shard = $1 AND reference_number = $2 ORDER BY id

-- name: attempts_unnamed
-- Calls about no shipment, or about several: what names the person is found by reading.
SELECT shard, id, url, request, response, error FROM attempts
WHERE (shard, id) > ($1, $2) AND reference_number IS NULL ORDER BY shard, id LIMIT $3

-- name: set_attempt
UPDATE attempts SET url = $3, request = $4, response = $5, error = $6 WHERE shard = $1 AND id = $2

-- name: remarks_of
SELECT shard, id, remark FROM scans WHERE shard = $1 AND reference_number = $2 AND remark <> ''

-- name: set_remark
UPDATE scans SET remark = $3 WHERE shard = $1 AND id = $2

-- name: inbox_page
SELECT shard, id, body FROM inbox WHERE (shard, id) > ($1, $2) ORDER BY shard, id LIMIT $3

-- name: set_body
UPDATE inbox SET body = $3 WHERE shard = $1 AND id = $2
