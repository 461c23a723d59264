-- compatible from: 0081 (older versions see a dropped account as a suspended one)
-- When an account began to be dropped, and when that was done: services know it no longer, so that none makes it again.
ALTER TABLE accounts ADD COLUMN drop_begun_at TIMESTAMPTZ;
ALTER TABLE accounts ADD COLUMN dropped_at TIMESTAMPTZ;
