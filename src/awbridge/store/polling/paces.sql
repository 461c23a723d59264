-- name: take
-- One statement: two that come at once get two turns. A turn too far ahead is a clock that stood wrong, or another pace.
INSERT INTO paces (name, next_turn) VALUES ($1, CAST($2 AS DOUBLE PRECISION) + CAST($3 AS DOUBLE PRECISION))
ON CONFLICT (name) DO UPDATE SET next_turn = CAST($3 AS DOUBLE PRECISION) + CASE
  WHEN paces.next_turn > CAST($2 AS DOUBLE PRECISION) AND paces.next_turn <= CAST($4 AS DOUBLE PRECISION)
  THEN paces.next_turn ELSE CAST($2 AS DOUBLE PRECISION) END
RETURNING next_turn

-- name: rest
UPDATE paces SET next_turn = CAST($2 AS DOUBLE PRECISION)
WHERE name = $1 AND next_turn < CAST($2 AS DOUBLE PRECISION)

-- name: prove
-- A row that changes and is committed: what /readyz shows is that the database takes writes, not that it answers.
INSERT INTO paces (name, next_turn) VALUES ('readyz', CAST($1 AS DOUBLE PRECISION))
ON CONFLICT (name) DO UPDATE SET next_turn = excluded.next_turn
