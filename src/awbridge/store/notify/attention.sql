-- name: counts
-- What does not end well by itself, out of indexes of that. Ids of deliveries grow with time: $1 cuts off the old ones,
-- most of which belong to shipments of another system.
SELECT
  (SELECT COUNT(*) FROM shipments WHERE state = 'rejected') AS rejected,
  (SELECT COUNT(*) FROM shipments WHERE state = 'gave_up') AS gave_up,
  (SELECT COUNT(*) FROM shipments {{sqlite: INDEXED BY shipments_cancels}}
   WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up')
     AND cancel_state IN ('refused', 'gave_up')) AS cancel_refused,
  (SELECT COUNT(*) FROM shipments WHERE ndr_at IS NOT NULL) AS ndr,
  (SELECT COUNT(*) FROM customer_answers WHERE state = 'received') AS answers,
  (SELECT COUNT(*) FROM actions WHERE state = 'unclear')
    + (SELECT COUNT(*) FROM actions WHERE state IN ('refused', 'gave_up') AND requested_at >= $2) AS actions,
  (SELECT COUNT(*) FROM inbox
   WHERE problem IS NOT NULL AND applied_at IS NULL AND waiting_for IS NULL AND id >= $1) AS dead_lettered,
  (SELECT COUNT(*) FROM event_deliveries WHERE state = 'failed' AND state <> 'delivered') AS events,
  (SELECT COUNT(*) FROM differences WHERE next_check_at IS NOT NULL AND state = 'open' AND found_at <= $3) AS differences,
  (SELECT COUNT(*) FROM shipments {{sqlite: INDEXED BY shipments_promised}}
   WHERE state = 'placed' AND NOT final AND edd_due_at <= $4) AS late

-- name: nth_decided
-- Since when the newest $1 orders were placed or refused; no row where there are fewer.
SELECT at AS since_at FROM (
  SELECT at FROM (SELECT placed_at AS at FROM shipments WHERE placed_at IS NOT NULL
    ORDER BY placed_at DESC LIMIT $1) placed
  UNION ALL
  SELECT at FROM (SELECT updated_at AS at FROM shipments {{sqlite: INDEXED BY shipments_refused}}
    WHERE state = 'rejected' ORDER BY updated_at DESC LIMIT $1) refused
) decided
ORDER BY at DESC LIMIT 1 OFFSET $1 - 1

-- name: refused_since
SELECT COUNT(*) AS refused FROM shipments {{sqlite: INDEXED BY shipments_refused}}
WHERE state = 'rejected' AND updated_at >= $1

-- name: placed_since
-- Up to a limit: beyond it, a share is an upper bound.
SELECT COUNT(*) AS placed FROM (
  SELECT 1 AS one FROM shipments {{sqlite: INDEXED BY shipments_placed}} WHERE placed_at >= $1 LIMIT $2
) found

-- name: dead_lettered
SELECT COUNT(*) AS deliveries FROM inbox
WHERE problem IS NOT NULL AND applied_at IS NULL AND waiting_for IS NULL AND id >= $1
