-- name: make
-- A workbench of its own, on disk and thrown away afterwards: only SQLite, whatever the store is.
CREATE TABLE theirs (line INTEGER PRIMARY KEY, waybill TEXT, reference TEXT, courier INTEGER, code INTEGER, seen TEXT,
  gaps INTEGER);
CREATE TABLE ours (id INTEGER PRIMARY KEY, waybill TEXT, reference TEXT, of_the_day INTEGER, our_reference TEXT,
  main TEXT, courier INTEGER, state TEXT, code INTEGER, status_at TEXT, last_tracked_at TEXT, kind TEXT);
CREATE TABLE named_else (reference TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pairs (line INTEGER PRIMARY KEY, ours INTEGER);

-- name: add_theirs
INSERT INTO theirs (line, waybill, reference, courier, code, seen, gaps) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: add_ours
INSERT INTO ours (waybill, reference, of_the_day, our_reference, main, courier, state, code, status_at, last_tracked_at, kind)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: name_else
-- A shipment of the day that theirs names in another way: by a piece, by its order.
INSERT OR IGNORE INTO named_else (reference) VALUES ($1)

-- name: index_ours
CREATE INDEX IF NOT EXISTS ours_by_waybill ON ours (waybill, courier);
CREATE INDEX IF NOT EXISTS ours_by_reference ON ours (reference);

-- name: pair_by_waybill
-- The same number may exist at two couriers, or be used twice: the row's own reference and courier come first.
INSERT OR IGNORE INTO pairs (line, ours) SELECT line, id FROM (
  SELECT t.line, COALESCE(
    (SELECT o.id FROM ours o WHERE o.waybill = t.waybill AND o.our_reference = t.reference LIMIT 1),
    (SELECT o.id FROM ours o WHERE o.waybill = t.waybill AND o.courier = t.courier LIMIT 1),
    (SELECT o.id FROM ours o WHERE o.waybill = t.waybill LIMIT 1)) AS id
  FROM theirs t WHERE t.waybill <> '' AND t.line NOT IN (SELECT line FROM pairs))
WHERE id IS NOT NULL

-- name: pair_by_reference
INSERT OR IGNORE INTO pairs (line, ours) SELECT line, id FROM (
  SELECT t.line, (SELECT o.id FROM ours o WHERE o.reference = t.reference ORDER BY o.kind <> 'main' LIMIT 1) AS id
  FROM theirs t WHERE t.reference <> '' AND t.line NOT IN (SELECT line FROM pairs))
WHERE id IS NOT NULL

-- name: unpaired
SELECT t.line, t.waybill, t.reference, t.courier, t.code, t.seen, t.gaps FROM theirs t
WHERE t.line NOT IN (SELECT line FROM pairs)
ORDER BY t.line

-- name: index_pairs
CREATE INDEX pairs_by_ours ON pairs (ours)

-- name: several
-- Shipments that more than one row is about, with all of these rows.
SELECT p.ours, t.line, t.waybill, t.reference, t.courier, t.code, t.seen, t.gaps FROM pairs p JOIN theirs t ON t.line = p.line
WHERE p.ours IN (SELECT ours FROM pairs GROUP BY ours HAVING COUNT(*) > 1)
ORDER BY p.ours, t.line

-- name: drop_pair
DELETE FROM pairs WHERE line = $1

-- name: drop_line
DELETE FROM theirs WHERE line = $1

-- name: unequal
-- What is the same in all that is compared need not be looked at; the rest is judged in Python.
SELECT p.line, t.waybill, t.reference, t.courier, t.code, t.seen, t.gaps,
  o.our_reference, o.main, o.courier AS our_courier, o.state, o.code AS our_code, o.status_at,
  o.last_tracked_at, o.kind
FROM pairs p JOIN theirs t ON t.line = p.line JOIN ours o ON o.id = p.ours
WHERE $1 OR (o.kind = 'main' AND ((t.waybill <> '' AND t.waybill <> o.main)
  OR COALESCE(t.courier, o.courier) <> o.courier OR (t.code IS NOT NULL AND t.code IS NOT o.code)))
ORDER BY p.line

-- name: ours_unpaired
SELECT o.our_reference, o.main, o.courier AS our_courier, o.state, o.code AS our_code, o.status_at,
  o.last_tracked_at, o.kind
FROM ours o
WHERE o.of_the_day AND o.state = 'placed' AND NOT EXISTS (SELECT 1 FROM pairs WHERE pairs.ours = o.id)
  AND o.our_reference NOT IN (SELECT reference FROM named_else)
ORDER BY o.id

-- name: count_pairs
SELECT COUNT(*) AS pairs FROM pairs

-- name: count_partly
-- domain/reconciliation/differences.py, is_partly_compared: gaps are 1 (always), 2 (where we hold a status), 4 (where we hold a waybill).
SELECT COUNT(*) AS pairs FROM pairs p JOIN theirs t ON t.line = p.line JOIN ours o ON o.id = p.ours
WHERE o.kind = 'main' AND (t.gaps & 1 OR (t.gaps & 2 AND o.code IS NOT NULL) OR (t.gaps & 4 AND o.main <> ''))
