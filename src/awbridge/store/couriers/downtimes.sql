-- name: add
INSERT INTO downtimes (id, courier_partner_id, account, from_at, to_at, weekdays, starts, ends, zone, reason, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: open_ones
-- A few rows at most: those that are over are left out.
SELECT id, courier_partner_id, account, from_at, to_at, weekdays, starts, ends, zone, reason FROM downtimes
WHERE to_at IS NULL OR to_at > $1
ORDER BY id

-- name: remove
DELETE FROM downtimes WHERE id = $1
