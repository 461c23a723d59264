-- compatible from: 0066 (older versions cannot read what is packed)
-- What was received and sent is stored compressed (store/engine/packing.py). Rows of older versions stay as they are.
ALTER TABLE attempts ADD COLUMN packed_call BYTEA;
ALTER TABLE events ADD COLUMN packed_body BYTEA;
ALTER TABLE shipments ADD COLUMN packed_payload BYTEA;
