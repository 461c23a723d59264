-- name: add
INSERT INTO audit_log (id, recorded_at, actor_kind, actor, action, subject, before_json, after_json)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: newest
SELECT {{audit_log.*}} FROM audit_log WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: of_subject
SELECT {{audit_log.*}} FROM audit_log
WHERE subject = $3 AND id < $1 AND ($4 = '' OR actor = $4) AND ($5 = '' OR action = $5)
ORDER BY id DESC LIMIT $2

-- name: of_actor
SELECT {{audit_log.*}} FROM audit_log WHERE actor = $3 AND id < $1 AND ($4 = '' OR action = $4) ORDER BY id DESC LIMIT $2

-- name: of_action
SELECT {{audit_log.*}} FROM audit_log WHERE action = $3 AND id < $1 ORDER BY id DESC LIMIT $2
