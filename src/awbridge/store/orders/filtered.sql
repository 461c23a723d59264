-- fragment: matching
-- $1 to $11 are a filter; NULL matches everything. The call is read only where its code is asked for.
($1{{postgres: ::integer}} IS NULL OR courier_partner_id = $1)
AND ($2{{postgres: ::text}} IS NULL OR account = $2)
AND ($3{{postgres: ::smallint}} IS NULL OR status_bucket = $3)
AND ($5{{postgres: ::integer}} IS NULL OR ndr_code = $5)
AND ($6{{postgres: ::boolean}} IS NULL OR cod = $6)
AND ($7{{postgres: ::timestamptz}} IS NULL OR created_at >= $7)
AND ($8{{postgres: ::timestamptz}} IS NULL OR created_at < $8)
AND ($9{{postgres: ::timestamptz}} IS NULL OR edd_due_at >= $9)
AND ($10{{postgres: ::timestamptz}} IS NULL OR edd_due_at < $10)
AND ($11{{postgres: ::text}} IS NULL OR delivery_type = $11)
AND ($4{{postgres: ::integer}} IS NULL OR (NOT success AND $4 = (
  SELECT attempts.business_status FROM attempts
  WHERE attempts.shard = shipments.shard AND attempts.reference_number = shipments.reference_number
    AND attempts.api = 'create-order'
  ORDER BY attempts.id DESC LIMIT 1)))

-- fragment: of_all
FROM shipments WHERE (created_at, reference_number) < ($12, $13) ORDER BY created_at DESC, reference_number DESC

-- fragment: of_state
-- By a range, and ordered by the state too: only the index of states has that order (see lists.sql).
FROM shipments WHERE state >= $16 AND (state, created_at, reference_number) < ($16, $12, $13)
ORDER BY state DESC, created_at DESC, reference_number DESC

-- name: newest
-- The newest that match, among the next $14: however rare they are, a page costs so many rows.
SELECT {{shipments.*}} FROM (SELECT {{shipments.*}} {{of_all}} LIMIT $14) shipments
WHERE {{matching}} ORDER BY created_at DESC, reference_number DESC LIMIT $15

-- name: newest_in_state
SELECT {{shipments.*}} FROM (SELECT {{shipments.*}} {{of_state}} LIMIT $14) shipments
WHERE {{matching}} ORDER BY state DESC, created_at DESC, reference_number DESC LIMIT $15

-- name: last_of_all
-- Where the search among so many ended; no row if the list did.
SELECT created_at, reference_number
FROM shipments WHERE (created_at, reference_number) < ($1, $2) ORDER BY created_at DESC, reference_number DESC
LIMIT 1 OFFSET $3

-- name: last_of_state
SELECT created_at, reference_number
FROM shipments WHERE state >= $4 AND (state, created_at, reference_number) < ($4, $1, $2)
ORDER BY state DESC, created_at DESC, reference_number DESC
LIMIT 1 OFFSET $3

-- name: with_phone
-- Those whose phone number ends in the same four digits, newest first.
-- SQLite would take phone_tail > '' for the lower end of a range.
SELECT {{shipments.*}} FROM shipments
{{postgres: WHERE phone_tail > '' AND phone_tail >= $1 AND (phone_tail, created_at, reference_number) < ($1, $2, $3)}}
{{sqlite: INDEXED BY shipments_by_phone
WHERE phone_tail > '' AND phone_tail = $1 AND (created_at, reference_number) < ($2, $3)}}
ORDER BY phone_tail DESC, created_at DESC, reference_number DESC
LIMIT $4

-- name: failure_codes
-- Many rows: reference number, shard.
{{keys}}
SELECT key.value AS reference_number, (
  SELECT attempts.business_status FROM attempts
  WHERE attempts.shard = key.shard AND attempts.reference_number = key.value AND attempts.api = 'create-order'
  ORDER BY attempts.id DESC LIMIT 1) AS code
FROM key
