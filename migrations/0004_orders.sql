-- Orders, their lines, the stock they claim, and what is told to their channels.

CREATE TABLE orders (
  id {id},
  source TEXT NOT NULL,
  sub_source TEXT NOT NULL,
  reference TEXT NOT NULL,
  -- 0 for the order as it came; parts of a split count on from there
  part BIGINT NOT NULL,
  channel_id BIGINT,
  secondary_reference TEXT NOT NULL,
  external_reference TEXT NOT NULL,
  location_id BIGINT NOT NULL REFERENCES location (id),
  state TEXT NOT NULL CONSTRAINT orders_state CHECK (state IN ('open', 'processed', 'cancelled', 'deleted')),
  payment TEXT NOT NULL CONSTRAINT orders_payment CHECK (payment IN ('paid', 'unpaid')),
  -- why it is parked or locked is in order_hold; these two are written with it
  parked BOOLEAN NOT NULL,
  locked BOOLEAN NOT NULL,
  tag BIGINT NOT NULL CONSTRAINT orders_tag CHECK (tag BETWEEN 0 AND 6),
  -- derived by stock/allocate: unknown has an unlinked line
  stock_state TEXT NOT NULL CONSTRAINT orders_stock_state CHECK (stock_state IN ('none', 'unknown', 'short', 'part', 'full')),
  -- derived by despatch/outbox
  despatch_state TEXT NOT NULL CONSTRAINT orders_despatch_state
    CHECK (despatch_state IN ('none', 'off', 'queued', 'sent', 'confirmed', 'rejected', 'failed')),
  note_count BIGINT NOT NULL,
  line_count BIGINT NOT NULL,
  unit_count BIGINT NOT NULL,
  buyer TEXT NOT NULL,
  full_name TEXT NOT NULL,
  company TEXT NOT NULL,
  postcode TEXT NOT NULL,
  country_code TEXT NOT NULL,
  currency TEXT NOT NULL,
  total BIGINT NOT NULL,
  -- ranks the order when stock is short: higher first
  priority BIGINT NOT NULL,
  carrier TEXT NOT NULL,
  service TEXT NOT NULL,
  tracking_number TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  -- the moment it must leave; far in the future where the channel names none
  despatch_by BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  version BIGINT NOT NULL,
  -- exactly once in
  CONSTRAINT orders_intake UNIQUE (source, sub_source, reference, part),
  CONSTRAINT orders_place UNIQUE (id, location_id)
);
CREATE INDEX orders_open_newest ON orders (received_at, id) WHERE state = 'open';
CREATE INDEX orders_open_newest_at ON orders (location_id, received_at, id) WHERE state = 'open';
CREATE INDEX orders_open_due ON orders (despatch_by, id) WHERE state = 'open';
CREATE INDEX orders_open_due_at ON orders (location_id, despatch_by, id) WHERE state = 'open';
CREATE INDEX orders_ended ON orders (ended_at, id) WHERE state IN ('processed', 'cancelled');
CREATE INDEX orders_unpaid ON orders (channel_id, id) WHERE state = 'open' AND payment = 'unpaid';
CREATE INDEX orders_trouble ON orders (despatch_state, id) WHERE despatch_state IN ('rejected', 'failed');

-- What is read only with one order: kept out of the grid's way.
CREATE TABLE order_detail (
  order_id BIGINT PRIMARY KEY REFERENCES orders (id),
  delivery TEXT NOT NULL,
  billing TEXT NOT NULL,
  subtotal BIGINT NOT NULL,
  postage BIGINT NOT NULL,
  discount BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  site TEXT NOT NULL,
  channel_status TEXT NOT NULL,
  shipping_tag TEXT NOT NULL,
  payment_tag TEXT NOT NULL,
  payment_method TEXT NOT NULL,
  paid_at BIGINT,
  properties TEXT NOT NULL,
  -- who set each field last: {"location": "channel", "tag": "user 3"}
  provenance TEXT NOT NULL
);

CREATE TABLE order_line (
  id {id},
  order_id BIGINT NOT NULL REFERENCES orders (id),
  channel_line TEXT NOT NULL,
  channel_sku TEXT NOT NULL,
  title TEXT NOT NULL,
  item_id BIGINT REFERENCES item (id),
  is_service BOOLEAN NOT NULL,
  quantity BIGINT NOT NULL CONSTRAINT order_line_quantity CHECK (quantity > 0),
  -- shipped by somebody else before it came here
  shipped_before BIGINT NOT NULL CONSTRAINT order_line_shipped CHECK (shipped_before BETWEEN 0 AND quantity),
  unit_price BIGINT NOT NULL,
  discount BIGINT NOT NULL,
  tax_rate BIGINT NOT NULL,
  tax_inclusive BOOLEAN NOT NULL,
  options TEXT NOT NULL,
  CONSTRAINT order_line_channel_line UNIQUE (order_id, channel_line)
);
CREATE INDEX order_line_item ON order_line (item_id);
CREATE INDEX order_line_unlinked ON order_line (channel_sku) WHERE item_id IS NULL AND NOT is_service;

-- What a line of an open, unlocked order wants of an item. The second foreign key says: one order, one location.
CREATE TABLE claim (
  line_id BIGINT PRIMARY KEY REFERENCES order_line (id),
  order_id BIGINT NOT NULL,
  item_id BIGINT NOT NULL,
  location_id BIGINT NOT NULL,
  quantity BIGINT NOT NULL CONSTRAINT claim_quantity CHECK (quantity > 0),
  allocated BIGINT NOT NULL,
  despatch_by BIGINT NOT NULL,
  priority BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  CONSTRAINT claim_allocated CHECK (allocated BETWEEN 0 AND quantity),
  CONSTRAINT claim_one_location FOREIGN KEY (order_id, location_id) REFERENCES orders (id, location_id),
  CONSTRAINT claim_level FOREIGN KEY (item_id, location_id) REFERENCES stock_level (item_id, location_id)
);
CREATE INDEX claim_order ON claim (order_id);
CREATE INDEX claim_holders ON claim (item_id, location_id, despatch_by, line_id);
CREATE INDEX claim_short ON claim (item_id, location_id, despatch_by, priority DESC, received_at, line_id) WHERE allocated < quantity;

CREATE TABLE order_hold (
  order_id BIGINT NOT NULL REFERENCES orders (id),
  kind TEXT NOT NULL CHECK (kind IN ('parked', 'locked')),
  -- unpaid, postcode, user
  reason TEXT NOT NULL,
  note TEXT NOT NULL,
  actor TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (order_id, kind, reason)
);

CREATE TABLE order_note (
  id {id},
  order_id BIGINT NOT NULL REFERENCES orders (id),
  at BIGINT NOT NULL,
  author TEXT NOT NULL,
  internal BOOLEAN NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX order_note_order ON order_note (order_id, id);

-- Why each thing was decided, for ever. Append-only.
CREATE TABLE decision (
  id {id},
  order_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  subject TEXT NOT NULL,
  outcome TEXT NOT NULL,
  because TEXT NOT NULL
);
CREATE INDEX decision_order ON decision (order_id, id);

{search order_search}

-- What is to be told to a channel, until it confirms.
CREATE TABLE outbox (
  id {id},
  order_id BIGINT NOT NULL REFERENCES orders (id),
  channel_id BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('despatch', 'cancellation')),
  key TEXT NOT NULL CONSTRAINT outbox_key UNIQUE,
  state TEXT NOT NULL CONSTRAINT outbox_state CHECK (state IN ('queued', 'sent', 'confirmed', 'rejected', 'failed')),
  reference TEXT NOT NULL,
  carrier TEXT NOT NULL,
  service TEXT NOT NULL,
  tracking_number TEXT NOT NULL,
  reason TEXT NOT NULL,
  processed_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  settled_at BIGINT,
  -- one note of a kind for each channel order in it; sending again is the same note again
  CONSTRAINT outbox_once UNIQUE (order_id, kind, reference)
);
CREATE INDEX outbox_due ON outbox (channel_id, next_at) WHERE state IN ('queued', 'sent');
CREATE INDEX outbox_order ON outbox (order_id, id);
CREATE TABLE outbox_line (
  outbox_id BIGINT NOT NULL REFERENCES outbox (id),
  line_id BIGINT NOT NULL REFERENCES order_line (id),
  channel_line TEXT NOT NULL,
  channel_sku TEXT NOT NULL,
  quantity BIGINT NOT NULL CONSTRAINT outbox_line_quantity CHECK (quantity > 0),
  PRIMARY KEY (outbox_id, line_id)
);
