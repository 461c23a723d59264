-- When an account has work that is due. In the home database alone.
CREATE TABLE account_wakes (
  id BIGINT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  due_at TIMESTAMPTZ NOT NULL,   -- of a row that is held: when another process takes the account over
  holder TEXT,                   -- the process that works for the account; NULL: none
  not_for TEXT                   -- the process that asks others to help it
);
CREATE INDEX account_wakes_due ON account_wakes (due_at);
