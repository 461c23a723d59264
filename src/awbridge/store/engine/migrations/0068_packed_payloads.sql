-- compatible from: 0068 (older versions cannot read what is packed)
ALTER TABLE shipments ADD COLUMN packed_payload BYTEA;
