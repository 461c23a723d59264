-- name: add
INSERT INTO print_runs (id, layout, shipments, problems, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)

-- name: add_lines
INSERT INTO print_lines (shard, reference_number, run, position, account, problem, warning, printed_at)
{{postgres:
SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[],
  $8::timestamptz[])}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8)}}

-- name: get
SELECT {{print_runs.*}} FROM print_runs WHERE id = $1

-- name: newest
SELECT {{print_runs.*}} FROM print_runs WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: lines
SELECT reference_number, problem, warning FROM print_lines WHERE run = $1 ORDER BY position

-- name: accounts_since
SELECT DISTINCT account FROM print_lines WHERE printed_at >= $1
