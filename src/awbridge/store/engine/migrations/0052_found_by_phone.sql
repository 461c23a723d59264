-- compatible from: 0046 (older versions leave the columns empty, and index_orders fills them)
-- A shipment is found by the end of its customer's phone number, and listed by whether cash is collected.
ALTER TABLE shipments ADD COLUMN phone_tail TEXT;
ALTER TABLE shipments ADD COLUMN cod BOOLEAN;
CREATE INDEX shipments_by_phone ON shipments (phone_tail, created_at, reference_number) WHERE phone_tail > '';
CREATE INDEX shipments_unread ON shipments (shard, reference_number) WHERE phone_tail IS NULL;
