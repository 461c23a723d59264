-- name: put
INSERT INTO courier_accounts (transporter, courier_partner_id, account_code, name, active, created_at, updated_at,
  fallback)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
ON CONFLICT (transporter) DO UPDATE SET
  courier_partner_id = excluded.courier_partner_id, account_code = excluded.account_code, name = excluded.name,
  active = excluded.active, updated_at = excluded.updated_at, fallback = excluded.fallback

-- name: get
SELECT transporter, courier_partner_id, account_code, name, active, fallback FROM courier_accounts WHERE transporter = $1

-- name: all
SELECT transporter, courier_partner_id, account_code, name, active, fallback FROM courier_accounts ORDER BY transporter

-- name: remove
DELETE FROM courier_accounts WHERE transporter = $1

-- name: accounts_waiting_on
-- The accounts under which shipments still have to be placed.
SELECT courier_partner_id, account_code, COUNT(*) AS shipments FROM shipments
WHERE state IN ('ready', 'waiting', 'retrying', 'held')
GROUP BY courier_partner_id, account_code
ORDER BY courier_partner_id, account_code

-- name: warnings
SELECT courier_partner_id, account_code, transporter, kind, warning, since_at FROM courier_warnings
ORDER BY transporter, courier_partner_id, account_code

-- name: warn
-- The same kind of warning keeps the time since which it holds.
INSERT INTO courier_warnings (courier_partner_id, account_code, transporter, kind, warning, since_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (courier_partner_id, account_code, transporter) DO UPDATE SET
  kind = excluded.kind, warning = excluded.warning,
  since_at = CASE WHEN courier_warnings.kind = excluded.kind THEN courier_warnings.since_at ELSE excluded.since_at END

-- name: unwarn
DELETE FROM courier_warnings WHERE courier_partner_id = $1 AND account_code = $2 AND transporter = $3

-- name: count_warnings
SELECT kind, COUNT(*) AS warnings FROM courier_warnings GROUP BY kind ORDER BY kind

-- name: begin_comparison
-- One replica compares when it is due; moving next_at on is its lease.
INSERT INTO courier_comparisons (id, next_at) VALUES (1, $2)
ON CONFLICT (id) DO UPDATE SET next_at = excluded.next_at WHERE courier_comparisons.next_at <= $1

-- name: end_comparison
INSERT INTO courier_comparisons (id, next_at, compared_at, problem) VALUES (1, $1, $2, $3)
ON CONFLICT (id) DO UPDATE SET next_at = excluded.next_at, problem = excluded.problem,
  compared_at = COALESCE(excluded.compared_at, courier_comparisons.compared_at)

-- name: keep_listed
INSERT INTO courier_comparisons (id, next_at, accounts) VALUES (1, $1, $2)
ON CONFLICT (id) DO UPDATE SET accounts = excluded.accounts

-- name: listed
SELECT accounts FROM courier_comparisons WHERE id = 1

-- name: comparison
SELECT next_at, compared_at, problem FROM courier_comparisons WHERE id = 1
