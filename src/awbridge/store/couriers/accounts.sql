-- name: ensure
-- The caller sorts by account: two that bring the same new accounts would deadlock otherwise.
INSERT INTO account_states (account, courier_partner_id, account_code)
{{postgres: SELECT * FROM unnest($1::text[], $2::integer[], $3::text[])}}
{{sqlite: VALUES ($1, $2, $3)}}
ON CONFLICT (account) DO NOTHING

-- name: due
-- Two looks into an index for each account that may be served, however many shipments are due.
WITH looked AS MATERIALIZED (
  SELECT {{account_states.*}},
    (SELECT s.next_try_at FROM shipments s
     WHERE s.account = account_states.account AND s.priority = 0 AND s.next_try_at <= $1 AND NOT s.success
       AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $1)
     ORDER BY s.next_try_at LIMIT 1) AS urgent_at,
    (SELECT s.next_try_at FROM shipments s
     WHERE s.account = account_states.account AND s.priority = 1 AND s.next_try_at <= $1 AND NOT s.success
       AND (s.lease_ends_at IS NULL OR s.lease_ends_at <= $1)
     ORDER BY s.next_try_at LIMIT 1) AS normal_at
  FROM account_states
  WHERE (incident = 'none' OR probe_at <= $1) AND (rest_until_at IS NULL OR rest_until_at <= $1)
)
SELECT {{account_states.*}}, urgent_at, normal_at FROM looked AS account_states WHERE urgent_at IS NOT NULL OR normal_at IS NOT NULL
ORDER BY account

-- name: states
SELECT {{account_states.*}} FROM account_states WHERE account {{in $1::text[]}}

-- name: still_works
-- Nobody waits for it: whoever holds the row stores a state of its own. Not during an incident, which only a probe ends.
UPDATE account_states SET good_at = $2
WHERE account IN (
  SELECT account FROM account_states
  WHERE account {{in $1::text[]}} AND incident = 'none' AND (good_at IS NULL OR good_at < $2)
  {{postgres: ORDER BY account FOR UPDATE SKIP LOCKED}}
)

-- name: lock
-- In key order, so that two processes never wait for each other's locks.
SELECT {{account_states.*}} FROM account_states
WHERE account {{in $1::text[]}}
ORDER BY account
{{postgres: FOR UPDATE}}

-- name: save
{{sqlite: WITH row (account, incident, problem, since_at, probe_at, rest_until_at, window_at, calls, failures, good_at,
  wrongs, ramp, ramp_left, ramp_done, ramp_at, tokens, tokens_at, served_at)
  AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18))}}
UPDATE account_states SET
  incident = row.incident, problem = row.problem, since_at = row.since_at, probe_at = row.probe_at,
  rest_until_at = row.rest_until_at, window_at = row.window_at, calls = row.calls, failures = row.failures,
  good_at = row.good_at, wrongs = row.wrongs, ramp = row.ramp, ramp_left = row.ramp_left, ramp_done = row.ramp_done,
  ramp_at = row.ramp_at, tokens = row.tokens, tokens_at = row.tokens_at, served_at = row.served_at
FROM {{sqlite: row}}{{postgres: unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[],
  $6::timestamptz[], $7::timestamptz[], $8::integer[], $9::integer[], $10::timestamptz[], $11::integer[],
  $12::integer[], $13::integer[], $14::integer[], $15::timestamptz[], $16::double precision[], $17::timestamptz[], $18::timestamptz[])
  AS row (account, incident, problem, since_at, probe_at, rest_until_at, window_at, calls, failures, good_at, wrongs,
    ramp, ramp_left, ramp_done, ramp_at, tokens, tokens_at, served_at)}}
WHERE account_states.account = row.account

-- name: all
SELECT {{account_states.*}} FROM account_states WHERE account <> '*' ORDER BY account

-- name: set_rate
UPDATE account_states SET rate_per_second = $2 WHERE account = $1

-- name: unplaced
-- What waits to be placed, by account and state, out of the index alone.
SELECT account, state, COUNT(*) AS shipments FROM shipments
WHERE account {{in $1::text[]}}
  AND next_try_at IS NOT NULL AND NOT success
GROUP BY account, state
