-- compatible from: 0067 (older versions cannot read what is packed)
ALTER TABLE events ADD COLUMN packed_body BYTEA;
