-- compatible from: 0057 (older versions do without customers' answers)
-- What customers answer on the page of their parcel, and how often the digits that it asks for were tried.
CREATE TABLE customer_answers (
  shard SMALLINT NOT NULL,
  id TEXT NOT NULL,
  reference_number TEXT NOT NULL,
  waybill TEXT NOT NULL,
  kind TEXT NOT NULL,
  day TEXT,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  why TEXT,
  about_at TIMESTAMPTZ NOT NULL,
  courier_partner_id INTEGER NOT NULL,
  ndr_code INTEGER,
  action TEXT,
  settled_by TEXT,
  received_at TIMESTAMPTZ NOT NULL,
  settled_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, id)
);
CREATE INDEX customer_answers_of_shipment ON customer_answers (shard, reference_number, received_at, id);
CREATE INDEX customer_answers_newest ON customer_answers (received_at, id);
CREATE INDEX customer_answers_by_state ON customer_answers (state, received_at, id);

CREATE TABLE answer_tries (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  tries SMALLINT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, reference_number)
);
CREATE INDEX answer_tries_oldest ON answer_tries (since_at);
