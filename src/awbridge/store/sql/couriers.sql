-- name: put
INSERT INTO courier_accounts (transporter, courier_partner_id, account_code, name, active, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (transporter) DO UPDATE SET
  courier_partner_id = excluded.courier_partner_id, account_code = excluded.account_code, name = excluded.name,
  active = excluded.active, updated_at = excluded.updated_at

-- name: get
SELECT transporter, courier_partner_id, account_code, name, active FROM courier_accounts WHERE transporter = $1

-- name: all
SELECT transporter, courier_partner_id, account_code, name, active FROM courier_accounts ORDER BY transporter

-- name: remove
DELETE FROM courier_accounts WHERE transporter = $1
