-- Channel instances: their settings, mappings and listings, what came in and what goes out.

CREATE TABLE channel (
  id {id},
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  -- the account, unique for its source: the orders' sub-source
  name TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  -- why it can't run although enabled; blank if it can
  paused_because TEXT NOT NULL,
  -- what set-up stored, sealed with the key outside the database
  connection BYTEA NOT NULL,
  -- set-up has been finished
  ready BOOLEAN NOT NULL,
  download_location_id BIGINT NOT NULL REFERENCES location (id),
  download_unpaid BOOLEAN NOT NULL,
  link_by_sku BOOLEAN NOT NULL,
  send_despatches BOOLEAN NOT NULL,
  send_cancellations BOOLEAN NOT NULL,
  push_stock BOOLEAN NOT NULL,
  -- default listing limits (reference 13.5)
  max_listed BIGINT CONSTRAINT channel_max_listed CHECK (max_listed > 0),
  end_when BIGINT NOT NULL CONSTRAINT channel_end_when CHECK (end_when >= 0),
  stock_percent BIGINT NOT NULL CONSTRAINT channel_stock_percent CHECK (stock_percent BETWEEN 1 AND 100),
  interval_seconds BIGINT NOT NULL CONSTRAINT channel_interval CHECK (interval_seconds BETWEEN 1 AND 86400),
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT channel_account UNIQUE (source, name)
);

-- Where its download stands. A round is all pages from one moment on.
CREATE TABLE channel_cursor (
  channel_id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
  -- the round asks for orders changed since then
  since_at BIGINT NOT NULL,
  -- the round under way: its next page (none: the first), its start (none: no round), pages read, orders taken
  page TEXT,
  started_at BIGINT,
  page_count BIGINT NOT NULL,
  taken_count BIGINT NOT NULL,
  -- start of the round before
  previous_at BIGINT NOT NULL
);

-- How it goes: apart from the settings, because it changes with each round.
CREATE TABLE channel_health (
  channel_id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
  downloaded_at BIGINT,
  failing_since BIGINT,
  failures BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  last_error_at BIGINT,
  rate_left BIGINT,
  reconciled_at BIGINT,
  -- what the channel has in the wanted statuses, and what of that we have
  channel_count BIGINT,
  our_count BIGINT,
  -- references that the channel has and we have not, at most 100, comma separated
  gap TEXT NOT NULL
);

CREATE TABLE channel_status (
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  code TEXT NOT NULL,
  label TEXT NOT NULL,
  target TEXT NOT NULL CHECK (target IN ('unmapped', 'paid', 'unpaid', 'shipped', 'cancelled')),
  PRIMARY KEY (channel_id, code)
);

-- Whose stock is summed for the channel. No row means all locations (reference 13.5).
CREATE TABLE channel_stock_location (
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  location_id BIGINT NOT NULL REFERENCES location (id) ON DELETE CASCADE,
  PRIMARY KEY (channel_id, location_id)
);

-- What a channel's shipping or payment tag means here.
CREATE TABLE channel_tag (
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('shipping', 'payment')),
  site TEXT NOT NULL,
  tag TEXT NOT NULL,
  label TEXT NOT NULL,
  carrier TEXT NOT NULL,
  service TEXT NOT NULL,
  PRIMARY KEY (channel_id, kind, site, tag)
);

-- Channel-SKU links. One listing has one item at most; one item may have many listings.
CREATE TABLE listing (
  id {id},
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  channel_sku TEXT NOT NULL,
  title TEXT NOT NULL,
  channel_reference TEXT NOT NULL,
  item_id BIGINT REFERENCES item (id),
  max_listed BIGINT CONSTRAINT listing_max_listed CHECK (max_listed > 0),
  end_when BIGINT CONSTRAINT listing_end_when CHECK (end_when >= 0),
  stock_percent BIGINT CONSTRAINT listing_stock_percent CHECK (stock_percent BETWEEN 1 AND 100),
  ignore_stock BOOLEAN NOT NULL,
  -- the figure may differ from what the channel was told
  due BOOLEAN NOT NULL,
  submitted BIGINT,
  submitted_at BIGINT,
  last_error TEXT NOT NULL,
  gone BOOLEAN NOT NULL,
  CONSTRAINT listing_sku UNIQUE (channel_id, channel_sku)
);
CREATE INDEX listing_item ON listing (item_id);
CREATE INDEX listing_due ON listing (channel_id, id) WHERE due;

-- Every payload as it came, once.
CREATE TABLE inbox (
  id {id},
  channel_id BIGINT NOT NULL,
  reference TEXT NOT NULL,
  digest BYTEA NOT NULL,
  received_at BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('taken', 'ignored', 'rejected')),
  -- why it was ignored or rejected, or what it changed
  reason TEXT NOT NULL,
  order_id BIGINT,
  payload BYTEA NOT NULL,
  CONSTRAINT inbox_payload UNIQUE (channel_id, reference, digest)
);
CREATE INDEX inbox_rejected ON inbox (channel_id, id) WHERE state = 'rejected';
CREATE INDEX inbox_order ON inbox (order_id);
