-- fragment: parcels
SELECT shard, reference_number, payload, packed_payload, problem, waybill, children, order_id,
  -- What is still to be done about it needs its address.
  CASE WHEN (final OR state = 'cancelled') AND NOT EXISTS (
    SELECT 1 FROM actions a WHERE a.shard = shipments.shard AND a.reference_number = shipments.reference_number
      AND a.next_try_at IS NOT NULL) THEN 1 ELSE 0 END AS ended
FROM shipments

-- name: shipments_page
{{parcels}} WHERE (shard, reference_number) > ($1, $2) ORDER BY shard, reference_number LIMIT $3

-- name: shipment
{{parcels}} WHERE shard = $1 AND reference_number = $2

-- name: rows_of
SELECT
  (SELECT count(*) FROM attempts WHERE shard = $1 AND reference_number = $2) AS attempts,
  (SELECT count(*) FROM scans WHERE shard = $1 AND reference_number = $2) AS scans,
  (SELECT count(*) FROM notices WHERE shard = $1 AND reference_number = $2) AS notices,
  (SELECT count(*) FROM labels WHERE shard = $1 AND reference_number = $2) AS labels,
  (SELECT count(*) FROM payload_versions WHERE shard = $1 AND reference_number = $2) AS payload_versions,
  (SELECT count(*) FROM actions WHERE shard = $1 AND reference_number = $2) AS actions,
  (SELECT count(*) FROM customer_answers WHERE shard = $1 AND reference_number = $2) AS customer_answers

-- name: attempts_of
SELECT shard, id, url, request, response, error, packed_call FROM attempts WHERE shard = $1 AND reference_number = $2 ORDER BY id

-- name: attempts_unnamed
-- Calls about no shipment, or about several: what names the person is found by reading.
SELECT shard, id, url, request, response, error, packed_call FROM attempts
WHERE (shard, id) > ($1, $2) AND reference_number IS NULL ORDER BY shard, id LIMIT $3

-- name: set_attempt
UPDATE attempts SET url = '', request = '', response = '', packed_call = $3, error = $4 WHERE shard = $1 AND id = $2

-- name: words_of_scans
-- The courier's remark, ClickPost's words for why nothing was picked up or delivered, and what comes back.
SELECT id, remark, npr_description, ndr_description, return_event FROM scans
WHERE shard = $1 AND reference_number = $2
  AND (remark <> '' OR npr_description <> '' OR ndr_description <> '' OR return_event IS NOT NULL) ORDER BY id

-- name: set_words_of_scan
UPDATE scans SET remark = $3, npr_description = $4, ndr_description = $5, return_event = $6 WHERE shard = $1 AND id = $2

-- name: words_of_shipment
-- The same words where the shipment repeats them.
SELECT status_description, ndr_description FROM shipments
WHERE shard = $1 AND reference_number = $2 AND (status_description IS NOT NULL OR ndr_description IS NOT NULL)

-- name: set_words_of_shipment
UPDATE shipments SET status_description = $3, ndr_description = $4 WHERE shard = $1 AND reference_number = $2

-- name: inbox_page
SELECT shard, id, body FROM inbox WHERE (shard, id) > ($1, $2) ORDER BY shard, id LIMIT $3

-- name: set_body
UPDATE inbox SET body = $3 WHERE shard = $1 AND id = $2

-- name: versions_of
SELECT version, payload, reason FROM payload_versions WHERE shard = $1 AND reference_number = $2 ORDER BY version

-- name: versions_page
SELECT shard, reference_number, version, payload FROM payload_versions
WHERE (shard, reference_number, version) > ($1, $2, $3) ORDER BY shard, reference_number, version LIMIT $4

-- name: set_version
UPDATE payload_versions SET payload = $4, reason = $5 WHERE shard = $1 AND reference_number = $2 AND version = $3

-- name: actions_of
SELECT shard, id, reference_number, body, result, problem FROM actions
WHERE shard = $1 AND reference_number = $2 ORDER BY requested_at, id

-- name: answers_of
SELECT shard, id, reference_number, body, why FROM customer_answers
WHERE shard = $1 AND reference_number = $2 ORDER BY received_at, id

-- name: answers_page
SELECT shard, id, reference_number, body FROM customer_answers
WHERE (shard, id) > ($1, $2) ORDER BY shard, id LIMIT $3

-- name: set_answer
UPDATE customer_answers SET body = $3, why = $4 WHERE shard = $1 AND id = $2

-- name: actions_page
SELECT shard, id, reference_number, body, result, problem FROM actions
WHERE (shard, id) > ($1, $2) AND reference_number IS NOT NULL ORDER BY shard, id LIMIT $3

-- name: actions_alone
-- Those that are over and belong to no shipment: pickups, and registrations that were refused.
SELECT shard, id, reference_number, body, result, problem FROM actions a
WHERE requested_at < $1 AND (shard, id) > ($2, $3) AND next_try_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM shipments s WHERE s.shard = a.shard AND s.reference_number = a.reference_number)
ORDER BY shard, id LIMIT $4

-- name: set_action
UPDATE actions SET body = $3, result = $4, problem = $5 WHERE shard = $1 AND id = $2

-- name: events_page
-- No index leads from a shipment to its events: those of its shard are read, outside of any transaction.
SELECT id, reference_number FROM events WHERE shard = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: events_with
-- The event of a refused order contains the reason.
SELECT shard, id, body, packed_body FROM events
WHERE shard = $1 AND id {{in $2::bigint[]}} ORDER BY id

-- name: set_event
UPDATE events SET body = '', packed_body = $3 WHERE shard = $1 AND id = $2

-- name: event_problems_with
-- An endpoint's response may repeat the event.
SELECT shard, event_id, endpoint_id, problem FROM event_deliveries
WHERE shard = $1 AND event_id {{in $2::bigint[]}}
  {{postgres: AND endpoint_id IN (SELECT id FROM endpoints)}}
  AND problem IS NOT NULL ORDER BY event_id, endpoint_id

-- name: set_event_problem
UPDATE event_deliveries SET problem = $4 WHERE shard = $1 AND event_id = $2 AND endpoint_id = $3

-- name: problems_of_endpoints
-- Why an endpoint was disabled may be what it answered, and so may the alarm about it.
SELECT id, problem FROM endpoints WHERE problem IS NOT NULL ORDER BY id

-- name: set_problem_of_endpoint
UPDATE endpoints SET problem = $3 WHERE id = $1 AND problem = $2

-- name: texts_of_alarms
SELECT cause, text FROM alarms ORDER BY cause

-- name: set_text_of_alarm
UPDATE alarms SET text = $3 WHERE cause = $1 AND text = $2

-- name: notices_of
-- Why a message failed may name its address.
SELECT shard, id, why FROM notices WHERE shard = $1 AND reference_number = $2 AND why <> '' ORDER BY id

-- name: set_notice
UPDATE notices SET why = $3 WHERE shard = $1 AND id = $2
