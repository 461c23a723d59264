-- name: all
SELECT name, transporter, conditions FROM allocation_rules ORDER BY position

-- name: clear
DELETE FROM allocation_rules

-- name: add
INSERT INTO allocation_rules (position, name, transporter, conditions, created_at) VALUES ($1, $2, $3, $4, $5)
