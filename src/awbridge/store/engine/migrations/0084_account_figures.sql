-- compatible from: 0081 (older versions count nothing for the home, and report no problem)
-- What each account had to do when it was last counted, so that pages and metrics of the home open none. What is wrong with
-- the file of settings that a process read again.
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
ALTER TABLE processes ADD COLUMN problem TEXT;
