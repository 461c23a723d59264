-- compatible from: 0046 (indexes are replaced)
-- A page costs a page, however many rows share its key.
DROP INDEX shipments_by_order;
CREATE INDEX shipments_by_order ON shipments (order_id, created_at, reference_number) WHERE order_id IS NOT NULL;
DROP INDEX reports_newest;
CREATE INDEX reports_newest ON reports (day DESC, id);
CREATE INDEX opt_outs_newest ON opt_outs (created_at DESC, address_hash);
