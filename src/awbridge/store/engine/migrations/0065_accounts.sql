-- compatible from: 0062 (older versions serve the home alone)
-- Accounts that commands and pages added, and the state of those in the file of settings. In the home's tables only.
CREATE TABLE accounts (
  name TEXT NOT NULL PRIMARY KEY,
  title TEXT NOT NULL,
  defined BOOLEAN NOT NULL,
  settings TEXT NOT NULL,
  secrets TEXT NOT NULL,
  suspended_at TIMESTAMPTZ,
  revision INTEGER NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
