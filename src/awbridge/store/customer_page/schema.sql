-- The link of each shipment to the customer's page. link_id: a hash of its reference number and of its generation; the
-- token in the link is a keyed permutation of it. A link that is revoked has no row.
CREATE TABLE track_links (
  shard SMALLINT NOT NULL,
  link_id BIGINT NOT NULL,
  reference_number TEXT NOT NULL,
  PRIMARY KEY (shard, link_id)
);

-- Two rows: up to where shipments were looked through for some without a link, as older versions store them: once soon
-- after they were stored (1), once a day later, for transactions that were open long (2).
CREATE TABLE track_link_progress (
  id SMALLINT NOT NULL PRIMARY KEY,
  until_at TIMESTAMPTZ NOT NULL,
  reference_number TEXT NOT NULL
);

-- What a customer answers on the page of a parcel. The shard is the shipment's and part of the id.
-- waybill: the box of a multi-piece shipment ('': the whole shipment). day: of the next attempt, YYYY-MM-DD. body: the new
-- phone number and address. about_at: the failed delivery, or the delivery, that it is about. ndr_code: why that failed.
-- action: its instruction. settled_by: who confirmed or dismissed it ('rule': a rule of the settings). why: why it ended.
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

-- How often somebody entered wrong digits of a phone number on the page of a parcel, since when. It also serialises the
-- answers to one shipment.
CREATE TABLE answer_tries (
  shard SMALLINT NOT NULL,
  reference_number TEXT NOT NULL,
  tries SMALLINT NOT NULL,
  since_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (shard, reference_number)
);
CREATE INDEX answer_tries_oldest ON answer_tries (since_at);
