-- Accounts that commands and pages added, and the state of those in the file of settings. Only the home's table has rows.
-- defined: whether the row defines the account, rather than only holding the state of one that the file defines. settings:
-- JSON by name, without secrets; secrets: JSON by name, each encrypted with AWBRIDGE_ACCOUNTS_KEY. revision: how often the
-- row was written.
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
