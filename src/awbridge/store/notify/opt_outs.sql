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
SELECT address_hash, channel, created_at FROM opt_outs
WHERE created_at <= $2 AND (created_at < $2 OR (address_hash, channel) > ($3, $4))
ORDER BY created_at DESC, address_hash, channel LIMIT $1
