-- fragment: waiting
shipments.placed_at >= $1 AND shipments.state = 'placed' AND NOT shipments.final AND shipments.picked_up IS NOT TRUE
  AND UPPER(shipments.delivery_type) <> 'RVP' AND shipments.cancel_requested_at IS NULL AND COALESCE(shipments.status_bucket, 1) = 1

-- fragment: unprinted
NOT EXISTS (SELECT 1 FROM print_lines p WHERE p.shard = shipments.shard
  AND p.reference_number = shipments.reference_number AND p.problem IS NULL)

-- fragment: unlisted
NOT EXISTS (SELECT 1 FROM manifest_lines m WHERE m.shard = shipments.shard
  AND m.reference_number = shipments.reference_number)

-- name: by_account
-- What waits for its courier: placed since, neither returns nor picked up. The newest $2 are counted.
WITH waiting AS MATERIALIZED (
  SELECT account, courier_partner_id, account_code,
    CASE WHEN {{unprinted}} THEN 1 ELSE 0 END AS to_print, CASE WHEN {{unlisted}} THEN 1 ELSE 0 END AS to_hand_over
  FROM shipments WHERE {{waiting}}
  ORDER BY placed_at DESC, reference_number DESC LIMIT $2
)
SELECT account, courier_partner_id, MAX(account_code) AS account_code, COUNT(*) AS parcels,
  SUM(to_print) AS to_print, SUM(to_hand_over) AS to_hand_over
FROM waiting GROUP BY account, courier_partner_id ORDER BY courier_partner_id, account

-- name: of_account
-- Oldest first, so that a limited run leaves the newest for the next. $3, $4: only those not printed, not on a manifest.
SELECT {{shipments.*}} FROM shipments
WHERE {{waiting}} AND shipments.account = $2
  AND (NOT $3 {{postgres: ::boolean}} OR {{unprinted}}) AND (NOT $4 {{postgres: ::boolean}} OR {{unlisted}})
  AND (shipments.placed_at, shipments.reference_number) > ($5, $6)
ORDER BY shipments.placed_at, shipments.reference_number LIMIT $7

-- name: prints_of
-- Many rows: reference number, shard.
{{keys}}
SELECT p.reference_number, COUNT(*) AS prints, MAX(p.printed_at) AS printed_at
FROM key {{sqlite: CROSS}} JOIN print_lines p ON p.shard = key.shard AND p.reference_number = key.value
WHERE p.problem IS NULL GROUP BY p.reference_number

-- name: manifests_of
-- Many rows: reference number, shard.
{{keys}}
SELECT m.reference_number, m.manifest
FROM key {{sqlite: CROSS}} JOIN manifest_lines m ON m.shard = key.shard AND m.reference_number = key.value
