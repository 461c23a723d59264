-- compatible from: 0029 (drops an index that older versions name on SQLite; they cancel without `cancel_state`)
-- Where a cancellation at ClickPost stands, and since when ClickPost is asked for it: so that it has an end.
-- Compatible: both columns may be empty, and what an older version writes is read as before.
ALTER TABLE shipments ADD COLUMN cancel_state TEXT;
ALTER TABLE shipments ADD COLUMN cancel_since_at TIMESTAMPTZ;

UPDATE shipments SET cancel_state = CASE
  WHEN state = 'cancelled' THEN 'cancelled'
  WHEN success AND next_try_at IS NULL THEN 'refused'
  ELSE 'asked' END
WHERE cancel_asked_at IS NOT NULL;

DROP INDEX shipments_cancel_asked;
CREATE INDEX shipments_cancels ON shipments (cancel_state, cancel_asked_at, reference_number)
  WHERE cancel_state IN ('asked', 'waiting', 'retrying', 'held', 'refused', 'gave_up');

-- When an action was last retried on purpose: its time begins anew.
ALTER TABLE actions ADD COLUMN retried_at TIMESTAMPTZ;
