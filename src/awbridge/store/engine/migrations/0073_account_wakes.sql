-- compatible from: 0064 (older versions work for the home account alone)
-- When each account has work that is due, for processes that work for many accounts and look at all of them at once.
CREATE TABLE account_wakes (
  id BIGINT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  due_at TIMESTAMPTZ NOT NULL,
  open_at TIMESTAMPTZ,
  holder TEXT,
  not_for TEXT
);
CREATE INDEX account_wakes_due ON account_wakes (due_at);
