-- compatible from: 0023 (an index)
-- Tellings go with the delivery that they name: retention must find them by it.
CREATE INDEX tellings_of_delivery ON tellings (delivery_id);
