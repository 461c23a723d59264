-- name: begin
-- A time ahead is that of a clock that was wrong. Row 2 of the samples is that of courier accounts.
INSERT INTO figure_samples (id, begun_at, counted) VALUES (2, $1, 0)
ON CONFLICT (id) DO UPDATE SET begun_at = excluded.begun_at
WHERE figure_samples.begun_at <= $2 OR figure_samples.begun_at > excluded.begun_at

-- name: save
UPDATE figure_samples SET sampled_at = $1, counted = $2, figures = $3 WHERE id = 2

-- name: newest
SELECT sampled_at, counted, figures FROM figure_samples WHERE id = 2 AND sampled_at <= $1

-- name: placed
-- A page of the newest placed ones, with what is measured.
SELECT reference_number, account, placed_at, status_at, status_bucket, final, payload, packed_payload
FROM shipments
WHERE placed_at IS NOT NULL AND placed_at >= $1 AND (placed_at, reference_number) < ($2, $3)
ORDER BY placed_at DESC, reference_number DESC
LIMIT $4

-- name: refused
-- By account, among the newest of a state.
SELECT account, COUNT(*) AS shipments FROM (
  SELECT account, updated_at FROM shipments WHERE state >= $1 AND state <= $1
  ORDER BY state DESC, created_at DESC, reference_number DESC LIMIT $3
) listed
WHERE updated_at >= $2
GROUP BY account
