-- name: placed_between
-- Many rows: from, to, the most that are counted. From the index alone.
{{postgres: SELECT key.from_at, (SELECT COUNT(*) FROM (
  SELECT placed_at FROM shipments WHERE placed_at IS NOT NULL AND placed_at >= key.from_at AND placed_at < key.to_at
  LIMIT key.most) placed) AS shipments
FROM unnest($1::timestamptz[], $2::timestamptz[], $3::integer[]) AS key (from_at, to_at, most)}}
{{sqlite: SELECT $1 AS from_at, COUNT(*) AS shipments FROM (
  SELECT placed_at FROM shipments WHERE placed_at IS NOT NULL AND placed_at >= $1 AND placed_at < $2 LIMIT $3) placed}}

-- name: rejected_between
-- The same of those that are rejected and were last changed then.
{{postgres: SELECT key.from_at, (SELECT COUNT(*) FROM (
  SELECT updated_at FROM shipments WHERE state = 'rejected' AND updated_at >= key.from_at AND updated_at < key.to_at
  LIMIT key.most) refused) AS shipments
FROM unnest($1::timestamptz[], $2::timestamptz[], $3::integer[]) AS key (from_at, to_at, most)}}
{{sqlite: SELECT $1 AS from_at, COUNT(*) AS shipments FROM (
  SELECT updated_at FROM shipments INDEXED BY shipments_refused
  WHERE state = 'rejected' AND updated_at >= $1 AND updated_at < $2 LIMIT $3) refused}}
