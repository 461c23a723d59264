-- name: begin
-- A time ahead is that of a clock that was wrong.
INSERT INTO figure_samples (id, begun_at, counted) VALUES (1, $1, 0)
ON CONFLICT (id) DO UPDATE SET begun_at = excluded.begun_at
WHERE figure_samples.begun_at <= $2 OR figure_samples.begun_at > excluded.begun_at

-- name: save
UPDATE figure_samples SET sampled_at = $1, counted = $2, figures = $3 WHERE id = 1

-- name: large
SELECT sampled_at, figures FROM figure_samples
WHERE id = 1 AND counted > $1 AND sampled_at > $2 AND sampled_at <= $3
