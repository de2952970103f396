-- Channels that tell at once: how they reach us, how that goes, and which orders they told of.

CREATE TABLE channel_hook (
  channel_id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
  -- the random part of the address and the secret of the signatures, sealed
  sealed BYTEA NOT NULL,
  -- switched on by a person
  wanted BOOLEAN NOT NULL,
  -- the platform's ids of what is registered there, apart by spaces; none: nothing is
  registered TEXT NOT NULL,
  registered_at BIGINT,
  -- why it could not be registered or taken back, or an order not be fetched; blank if it could
  last_error TEXT NOT NULL,
  last_error_at BIGINT,
  delivered_at BIGINT,
  delivery_count BIGINT NOT NULL,
  -- deliveries to the right address with a wrong signature
  refused_at BIGINT,
  refused_count BIGINT NOT NULL
);

-- Orders that a channel told of and that are still to be fetched. Told of twice, it is one row.
CREATE TABLE told_order (
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  reference TEXT NOT NULL,
  told_at BIGINT NOT NULL,
  -- counts up, so that what is told while the order is being fetched isn't forgotten
  times BIGINT NOT NULL,
  PRIMARY KEY (channel_id, reference)
);
CREATE INDEX told_order_waiting ON told_order (channel_id, told_at);
