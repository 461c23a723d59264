-- name: add
INSERT INTO opt_outs (address_hash, channel, created_at) VALUES ($1, $2, $3)
ON CONFLICT (address_hash, channel) DO NOTHING

-- name: remove
DELETE FROM opt_outs WHERE address_hash = $1 AND channel = $2

-- name: find
-- By this address over this channel, or by any address of the same customer over all of them.
SELECT 1 AS found FROM opt_outs
WHERE (address_hash = $1 AND channel IN ('', $2)) OR (channel = '' AND address_hash
  {{in $3::text[]}})
LIMIT 1

-- name: all
SELECT address_hash, channel, created_at FROM opt_outs ORDER BY created_at DESC, address_hash LIMIT $1
