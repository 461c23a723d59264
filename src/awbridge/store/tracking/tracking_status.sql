-- fragment: marks
-- A parcel that moved is no longer stuck. Its limit is counted from the old time on, which is only too early: so the row
-- can stay in its page, with no index changed. From the newest scan where indexes change anyway, or that is earlier.
picked_up = COALESCE(row.status_bucket, 1) <> 1,
stuck_since_at = CASE WHEN row.status_at IS NOT DISTINCT FROM shipments.status_at
    AND row.status_bucket IS NOT DISTINCT FROM shipments.status_bucket THEN shipments.stuck_since_at END,
counted_from_at = CASE WHEN shipments.stuck_since_at IS NULL
    AND row.status_at >= COALESCE(shipments.counted_from_at, shipments.placed_at)
    AND row.next_poll_at IS NOT DISTINCT FROM shipments.next_poll_at
    AND row.edd_due_at IS NOT DISTINCT FROM shipments.edd_due_at
  THEN shipments.counted_from_at ELSE row.status_at END

-- name: set_status
-- Many rows in one statement. Who is asked for again, or has reached the end, is no longer on the list of the silent.
-- updated_at is indexed: it stays as it is unless the change is none of an update (last_tracked_at says when that came).
{{sqlite: WITH row (shard, reference_number, status_code, status_at, status_bucket, status_step, final, edd, ndr_code,
  last_tracked_at, next_poll_at, updated_at, edd_due_at, ndr_at, forward_waybill, forward_reference_number, npr_code,
  status_description, ndr_description, piece_exception_at, edd_stated_at)
  AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21))}}
UPDATE shipments SET status_code = row.status_code, status_at = row.status_at, status_bucket = row.status_bucket,
  status_step = row.status_step, final = row.final, edd = row.edd, ndr_code = row.ndr_code,
  last_tracked_at = row.last_tracked_at, next_poll_at = row.next_poll_at,
  updated_at = COALESCE(row.updated_at, shipments.updated_at),
  edd_due_at = row.edd_due_at, ndr_at = row.ndr_at, forward_waybill = row.forward_waybill,
  forward_reference_number = row.forward_reference_number, npr_code = row.npr_code,
  status_description = row.status_description, ndr_description = row.ndr_description, piece_exception_at = row.piece_exception_at,
  edd_stated_at = row.edd_stated_at,
  aged_out_at = CASE WHEN row.next_poll_at IS NULL AND NOT row.final THEN shipments.aged_out_at END,
  {{marks}}
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::integer[], $4::timestamptz[], $5::smallint[],
  $6::smallint[], $7::boolean[], $8::text[], $9::integer[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],
  $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::integer[], $18::text[], $19::text[],
  $20::timestamptz[], $21::timestamptz[])
  AS row (shard, reference_number, status_code, status_at, status_bucket, status_step, final, edd, ndr_code, last_tracked_at,
    next_poll_at, updated_at, edd_due_at, ndr_at, forward_waybill, forward_reference_number, npr_code, status_description,
    ndr_description, piece_exception_at, edd_stated_at)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number

-- name: set_step
-- Many rows in one statement. The same for most updates, which change neither failures nor texts nor the forward shipment.
{{sqlite: WITH row (shard, reference_number, status_code, status_at, status_bucket, status_step, final, edd, last_tracked_at,
  next_poll_at, edd_due_at, edd_stated_at) AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12))}}
UPDATE shipments SET status_code = row.status_code, status_at = row.status_at, status_bucket = row.status_bucket,
  status_step = row.status_step, final = row.final, edd = row.edd, last_tracked_at = row.last_tracked_at,
  next_poll_at = row.next_poll_at, edd_due_at = row.edd_due_at, edd_stated_at = row.edd_stated_at,
  aged_out_at = CASE WHEN row.next_poll_at IS NULL AND NOT row.final THEN shipments.aged_out_at END,
  {{marks}}
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::integer[], $4::timestamptz[], $5::smallint[],
  $6::smallint[], $7::boolean[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[],
  $12::timestamptz[])
  AS row (shard, reference_number, status_code, status_at, status_bucket, status_step, final, edd, last_tracked_at,
    next_poll_at, edd_due_at, edd_stated_at)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number

-- name: set_move
-- Many rows in one statement. The same where no index changes, nor a condition of one (shipments.steady_from_at). SQLite
-- writes the entries of all indexes anew that have one of the columns it is given, whatever their values.
{{sqlite: WITH row (shard, reference_number, status_code, status_at, status_bucket, status_step, last_tracked_at,
  edd_stated_at) AS (VALUES ($1, $2, $3, $4, $5, $6, $7, $8))}}
UPDATE shipments SET status_code = row.status_code, status_at = row.status_at, status_bucket = row.status_bucket,
  status_step = row.status_step, last_tracked_at = row.last_tracked_at, edd_stated_at = row.edd_stated_at
FROM {{sqlite: row}}{{postgres: unnest($1::smallint[], $2::text[], $3::integer[], $4::timestamptz[], $5::smallint[],
  $6::smallint[], $7::timestamptz[], $8::timestamptz[])
  AS row (shard, reference_number, status_code, status_at, status_bucket, status_step, last_tracked_at, edd_stated_at)}}
WHERE shipments.shard = row.shard AND shipments.reference_number = row.reference_number

-- name: count_tracked
SELECT COUNT(*) AS shipments FROM shipments WHERE last_tracked_at IS NOT NULL
