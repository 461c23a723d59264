-- When an account has work that is due. In the home database alone.
CREATE TABLE account_wakes (
  id BIGINT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  due_at TIMESTAMPTZ NOT NULL,   -- of a row that is held: when another process takes the account over
  open_at TIMESTAMPTZ,           -- when the account is opened whatever its tables say; NULL: they decide
  holder TEXT,                   -- the process that works for the account; NULL: none
  not_for TEXT                   -- the process that asks others to help it
);
CREATE INDEX account_wakes_due ON account_wakes (due_at);
-- Accounts that commands and pages added, and the state of those in the file of settings. Only the home's table has rows.
-- defined: whether the row defines the account, rather than only holding the state of one that the file defines. settings:
-- JSON by name, without secrets; secrets: JSON by name, each encrypted with AWBRIDGE_ACCOUNTS_KEY. revision: how often the
-- row was written. drop_begun_at: since when its data are being deleted; dropped_at: when they were, of an account that the
-- file of settings still defines.
CREATE TABLE accounts (
  name TEXT NOT NULL PRIMARY KEY,
  title TEXT NOT NULL,
  defined BOOLEAN NOT NULL,
  settings TEXT NOT NULL,
  secrets TEXT NOT NULL,
  suspended_at TIMESTAMPTZ,
  revision INTEGER NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  drop_begun_at TIMESTAMPTZ,
  dropped_at TIMESTAMPTZ
);

-- What each account had to do when a process that worked for it last counted. Only the home's table has rows. orders: not
-- placed yet; failed: rejected, or given up; deliveries: not applied yet; alarms: open ones. due_at: since when the longest
-- due order or delivery waits. last_webhook_at: within 8 days.
CREATE TABLE account_figures (
  account TEXT NOT NULL PRIMARY KEY,
  orders BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  deliveries BIGINT NOT NULL,
  alarms BIGINT NOT NULL,
  due_at TIMESTAMPTZ,
  last_webhook_at TIMESTAMPTZ,
  counted_at TIMESTAMPTZ NOT NULL
);
