-- compatible from: 0002 (push claims by `account`, which older versions leave empty)
-- Push works account by account: fair shares, rate limits, breakers, declared downtimes.

ALTER TABLE shipments ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE shipments ADD COLUMN priority SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE shipments ADD COLUMN difference TEXT;
ALTER TABLE shipments ADD COLUMN may_stand BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE shipments SET account = courier_partner_id || ':' || COALESCE(account_code, '');
-- Whatever was tried without an answer may stand at ClickPost; what it refused for good does not.
UPDATE shipments SET may_stand = TRUE WHERE NOT success AND sent_at IS NOT NULL AND state <> 'rejected';

DROP INDEX shipments_due;
CREATE INDEX shipments_to_push ON shipments (account, priority, next_try_at)
  WHERE next_try_at IS NOT NULL AND NOT success;
CREATE INDEX shipments_unplaced ON shipments (account, state, created_at, reference_number)
  WHERE next_try_at IS NOT NULL AND NOT success;
CREATE INDEX shipments_to_cancel ON shipments (next_try_at) WHERE next_try_at IS NOT NULL AND success;

CREATE TABLE account_states (
  account TEXT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  trouble TEXT NOT NULL DEFAULT 'none',
  problem TEXT,
  since_at TIMESTAMPTZ,
  probe_at TIMESTAMPTZ,
  rest_until_at TIMESTAMPTZ,
  window_at TIMESTAMPTZ,
  calls INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  good_at TIMESTAMPTZ,
  wrongs INTEGER NOT NULL DEFAULT 0,
  ramp INTEGER,
  ramp_left INTEGER NOT NULL DEFAULT 0,
  ramp_done INTEGER NOT NULL DEFAULT 0,
  ramp_at TIMESTAMPTZ,
  rate_per_second DOUBLE PRECISION,
  tokens DOUBLE PRECISION NOT NULL DEFAULT 0,
  tokens_at TIMESTAMPTZ,
  served_at TIMESTAMPTZ
);
INSERT INTO account_states (account, courier_partner_id, account_code)
SELECT account, MIN(courier_partner_id), MAX(account_code) FROM shipments GROUP BY account;

CREATE TABLE downtimes (
  id BIGINT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account TEXT,
  from_at TIMESTAMPTZ,
  to_at TIMESTAMPTZ,
  weekdays TEXT,
  starts TEXT,
  ends TEXT,
  zone TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

ALTER TABLE waybills ADD COLUMN label_url TEXT;
ALTER TABLE waybills ADD COLUMN sort_code TEXT;
ALTER TABLE waybills ADD COLUMN security_key TEXT;
