-- name: any_due
SELECT 1 FROM account_wakes WHERE due_at <= $1 AND (not_for IS NULL OR not_for <> $2) LIMIT 1

-- name: claim
WITH chosen AS {{postgres: MATERIALIZED}} (
  SELECT id FROM account_wakes WHERE due_at <= $1 AND (not_for IS NULL OR not_for <> $2)
  ORDER BY due_at
  LIMIT $4
  {{postgres: FOR UPDATE SKIP LOCKED}}
)
UPDATE account_wakes SET holder = $2, not_for = NULL, due_at = $3 WHERE id IN (SELECT id FROM chosen)
RETURNING account

-- name: add
INSERT INTO account_wakes (id, account, due_at, open_at, holder, not_for) VALUES ($1, $2, $3, $4, $5, $6)

-- name: renew
UPDATE account_wakes SET due_at = $2 WHERE holder = $1

-- name: asked
SELECT 1 FROM account_wakes WHERE account = $1 AND not_for IS NOT NULL LIMIT 1

-- name: known
SELECT DISTINCT account FROM account_wakes

-- name: seen
SELECT id, open_at FROM account_wakes WHERE account = $1 AND (holder IS NULL OR holder = $2)

-- name: let_go
DELETE FROM account_wakes WHERE account = $1 AND holder = $2

-- name: remove
DELETE FROM account_wakes WHERE id = $1

-- name: forget
DELETE FROM account_wakes WHERE account = $1 AND (holder IS NULL OR holder = $2)

-- name: forget_all
DELETE FROM account_wakes WHERE account = $1

-- name: held
SELECT 1 FROM account_wakes WHERE account = $1 AND holder IS NOT NULL AND due_at > $2 LIMIT 1

-- name: release
UPDATE account_wakes SET holder = NULL, due_at = $2 WHERE holder = $1
