-- name: put
-- A report made again by a person keeps its mail status.
INSERT INTO reports (id, kind, day, destination, shipments, calls, object_key, bytes, sha256, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET shipments = excluded.shipments, calls = excluded.calls,
  object_key = excluded.object_key, bytes = excluded.bytes, sha256 = excluded.sha256, created_at = excluded.created_at

-- name: get
SELECT id, kind, day, destination, shipments, calls, object_key, bytes, sha256, mailed_at, mailed_to, created_at
FROM reports WHERE id = $1

-- name: newest
SELECT id, kind, day, destination, shipments, calls, object_key, bytes, sha256, mailed_at, mailed_to, created_at
FROM reports WHERE day <= $2 AND (day < $2 OR id > $3) ORDER BY day DESC, id LIMIT $1

-- name: claim_mail
UPDATE reports SET mail_lease_ends_at = $3
WHERE id = $1 AND mailed_at IS NULL AND (mail_lease_ends_at IS NULL OR mail_lease_ends_at <= $2)

-- name: release_mail
UPDATE reports SET mail_lease_ends_at = NULL WHERE id = $1 AND mailed_at IS NULL

-- name: mailed
UPDATE reports SET mailed_at = $2, mailed_to = $3, mail_lease_ends_at = NULL WHERE id = $1

-- name: older
SELECT id, kind, day, destination, shipments, calls, object_key, bytes, sha256, mailed_at, mailed_to, created_at
FROM reports WHERE day < $1 ORDER BY day, id LIMIT $2

-- name: remove
DELETE FROM reports WHERE id = $1
