-- compatible from: 0066 (older versions cannot read what is packed)
-- What was received and sent is stored compressed (store/engine/packing.py), deliveries too. Rows of older versions stay as
-- they are. A migration for each table: locks of several, taken together, could deadlock with what runs meanwhile.
ALTER TABLE attempts ADD COLUMN packed_call BYTEA;
