-- compatible from: 0046 (older versions count everything themselves; indexes are added)
-- Counts of a large backlog are taken in the background; a page of one kind of difference costs a page.
CREATE TABLE figure_samples (
  id SMALLINT NOT NULL PRIMARY KEY,
  begun_at TIMESTAMPTZ NOT NULL,
  sampled_at TIMESTAMPTZ,
  counted BIGINT NOT NULL,
  figures TEXT
);
CREATE INDEX differences_of_kind ON differences (reconciliation_id, kind, id);
CREATE INDEX differences_by_state ON differences (reconciliation_id, state, kind);
