-- The company's names for its transporters, mapped to ClickPost's (courier_partner_id, account_code).
CREATE TABLE courier_accounts (
  transporter TEXT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  fallback TEXT
);

-- Findings of the comparison with ClickPost's accounts, about accounts in use. transporter is '' if only open shipments
-- use the account; account_code is '' if there is none.
CREATE TABLE courier_warnings (
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT NOT NULL,
  transporter TEXT NOT NULL,
  kind TEXT NOT NULL,
  warning TEXT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (courier_partner_id, account_code, transporter)
);

-- One row: when accounts are compared next, when they last were, and what failed. accounts: JSON of ClickPost's list,
-- [courier_partner_id, courier name, account code].
CREATE TABLE courier_comparisons (
  id SMALLINT NOT NULL PRIMARY KEY,
  next_at TIMESTAMPTZ NOT NULL,
  compared_at TIMESTAMPTZ,
  problem TEXT,
  accounts TEXT
);

-- The company's allocation rules, tried by position; conditions is a JSON object.
CREATE TABLE allocation_rules (
  position INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  transporter TEXT NOT NULL,
  conditions TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

-- The state of each courier account that has shipments: its incident, the breaker's counters, the ramp, the rate limit.
-- The row '*' holds the limit over all accounts.
CREATE TABLE account_states (
  account TEXT NOT NULL PRIMARY KEY,
  courier_partner_id INTEGER NOT NULL,
  account_code TEXT,
  incident TEXT NOT NULL DEFAULT 'none',
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

-- Declared downtimes of a courier (account NULL) or of one account: once (from_at, to_at), or on weekdays ("056", 0 is
-- Monday) from starts to ends ("23:30") in local time of the zone.
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
