-- name: save
INSERT INTO account_figures (account, orders, failed, deliveries, alarms, due_at, last_webhook_at, counted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account) DO UPDATE SET orders = excluded.orders, failed = excluded.failed,
  deliveries = excluded.deliveries, alarms = excluded.alarms, due_at = excluded.due_at,
  last_webhook_at = excluded.last_webhook_at, counted_at = excluded.counted_at

-- name: every
SELECT {{account_figures.*}} FROM account_figures ORDER BY account

-- name: accounts
SELECT account FROM account_figures

-- name: forget
DELETE FROM account_figures WHERE account = $1

-- name: overdue
-- A row that a process holds is about the time at which another may take the account over.
SELECT account, MIN(due_at) AS due_at FROM account_wakes WHERE holder IS NULL AND not_for IS NULL AND due_at <= $1
GROUP BY account
