-- compatible from: 0027 (rebuilds an index over fewer rows)
-- What operators watch is counted out of indexes that hold what is open or wrong, and nothing of what is over.
CREATE INDEX notices_unsent ON notices (state, id) WHERE state <> 'sent' AND state <> 'suppressed';

-- Deliveries that nobody could read at all. Those that were applied but for a part need no list.
DROP INDEX inbox_problems;
CREATE INDEX inbox_problems ON inbox (id) WHERE problem IS NOT NULL AND applied_at IS NULL;
