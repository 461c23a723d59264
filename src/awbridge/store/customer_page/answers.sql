-- name: count_try
-- One more try, unless $4 of them were made since $5. Locks the row: tries and answers of one shipment follow each other.
INSERT INTO answer_tries (shard, reference_number, tries, since_at) VALUES ($1, $2, 1, $3)
ON CONFLICT (shard, reference_number) DO UPDATE SET
  tries = CASE WHEN answer_tries.since_at <= $5 THEN 1 ELSE answer_tries.tries + 1 END,
  since_at = CASE WHEN answer_tries.since_at <= $5 THEN excluded.since_at ELSE answer_tries.since_at END
WHERE answer_tries.tries < $4 OR answer_tries.since_at <= $5

-- name: take_try_back
UPDATE answer_tries SET tries = tries - 1 WHERE shard = $1 AND reference_number = $2 AND tries > 0

-- name: add
INSERT INTO customer_answers (shard, id, reference_number, waybill, kind, day, body, state, about_at,
  courier_partner_id, ndr_code, received_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', $8, $9, $10, $11, $11)

-- name: replace
-- What the customer entered before is of no use to anybody.
UPDATE customer_answers SET state = 'replaced', body = '{}', settled_at = $4, updated_at = $4
WHERE shard = $1 AND reference_number = $2 AND waybill = $3 AND state = 'received'

-- name: settle
-- Of two that confirm or dismiss one answer at once, the second finds it settled.
UPDATE customer_answers SET state = $3, action = $4, settled_by = $5, why = $6, settled_at = $7, updated_at = $7
WHERE shard = $1 AND id = $2 AND state = 'received'

-- name: follow
UPDATE customer_answers SET state = $4, why = $5, updated_at = $6 WHERE shard = $1 AND id = $2 AND state = $3

-- name: get
SELECT {{customer_answers.*}} FROM customer_answers WHERE shard = $1 AND id = $2

-- name: of_shipments
{{keys}}
SELECT {{customer_answers.*}} FROM key
{{postgres: CROSS JOIN LATERAL (
  SELECT {{customer_answers.*}} FROM customer_answers
  WHERE customer_answers.shard = key.shard AND customer_answers.reference_number = key.value OFFSET 0
) customer_answers}}{{sqlite: CROSS JOIN customer_answers
  ON customer_answers.shard = key.shard AND customer_answers.reference_number = key.value}}
ORDER BY customer_answers.reference_number, customer_answers.received_at, customer_answers.id

-- name: newest
SELECT {{customer_answers.*}} FROM customer_answers
WHERE (received_at, id) < ($1, $2)
ORDER BY received_at DESC, id DESC LIMIT $3

-- name: newest_in_state
-- Ordered by the state too, which is the same in every row: only the index of states has that order.
SELECT {{customer_answers.*}} FROM customer_answers
WHERE state >= $1 AND (state, received_at, id) < ($1, $2, $3)
ORDER BY state DESC, received_at DESC, id DESC LIMIT $4

-- name: oldest_in_state
SELECT {{customer_answers.*}} FROM customer_answers
WHERE state <= $1 AND (state, received_at, id) > ($1, $2, $3)
ORDER BY state, received_at, id LIMIT $4

-- name: overtaken
-- Answers that wait for an operator although their parcel is no longer in the failed delivery, or their day ($1: today)
-- is over. Those to one box of several are looked at in any case: the status of a box is in no column.
WITH waiting AS MATERIALIZED (
  SELECT {{customer_answers.*}} FROM customer_answers WHERE state = 'received' AND kind <> 'not_received'
)
SELECT {{customer_answers.*}} FROM waiting customer_answers
JOIN shipments s ON s.shard = customer_answers.shard AND s.reference_number = customer_answers.reference_number
WHERE (customer_answers.waybill <> '' OR s.final OR s.state <> 'placed' OR COALESCE(s.status_bucket, 0) <> 5
  OR (customer_answers.kind = 'deliver_again' AND customer_answers.day < $1))
ORDER BY customer_answers.received_at, customer_answers.id LIMIT $2

-- fragment: with_action
SELECT {{customer_answers.*}}, x.state AS action_state, x.problem AS action_problem FROM customer_answers
LEFT JOIN actions x ON x.shard = customer_answers.shard AND x.id = customer_answers.action

-- name: acted_on
-- Sent answers whose instruction has ended, or is gone.
{{with_action}}
WHERE customer_answers.state = 'sent' AND (x.state IS NULL OR x.state IN ('done', 'refused', 'gave_up', 'overtaken'))
ORDER BY customer_answers.received_at, customer_answers.id LIMIT $1

-- name: tried_again
-- Refused answers, received since $1, whose instruction was tried again.
{{with_action}}
WHERE customer_answers.state = 'refused' AND customer_answers.received_at >= $1
  AND x.state IN ('due', 'waiting', 'done', 'overtaken')
ORDER BY customer_answers.received_at, customer_answers.id LIMIT $2
