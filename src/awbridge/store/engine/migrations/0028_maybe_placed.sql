-- compatible from: 0028 (older versions take a refusal for proof that nothing is held)
-- What may stand at ClickPost is proven to be there, or settled by a person; a later refusal proves nothing.
ALTER TABLE shipments ADD COLUMN stands_version INTEGER;
ALTER TABLE shipments ADD COLUMN settle_by TEXT;
ALTER TABLE shipments ADD COLUMN courier_may_hold BOOLEAN;
ALTER TABLE shipments ADD COLUMN settled_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN settled_by TEXT;

-- Until now a timeout of the courier was forgotten, and a look-up that the vendor does not document took for proof.
UPDATE shipments SET may_stand = TRUE
WHERE NOT success AND NOT may_stand AND sent_at IS NOT NULL AND state <> 'placed' AND state <> 'cancelled'
  AND EXISTS (
    SELECT 1 FROM attempts a
    WHERE a.shard = shipments.shard AND a.reference_number = shipments.reference_number AND a.api = 'create-order'
      AND (a.outcome = 'unknown' OR a.http_status >= 500
        OR a.business_status IN (322, 329, 408, 500, 502, 503, 504))
  );
UPDATE shipments SET stands_version = 1, courier_may_hold = TRUE WHERE may_stand AND NOT success AND state <> 'waiting';
