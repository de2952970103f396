-- What an item costs on one channel instance, and whether the channel has been told (reference 13.6).

CREATE TABLE item_price (
  item_id BIGINT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  amount BIGINT NOT NULL CONSTRAINT item_price_amount CHECK (amount >= 0),
  currency TEXT NOT NULL,
  PRIMARY KEY (item_id, channel_id)
);
CREATE INDEX item_price_channel ON item_price (channel_id, item_id);

ALTER TABLE channel ADD COLUMN push_prices BOOLEAN NOT NULL DEFAULT FALSE;

-- the price may differ from what the channel was told
ALTER TABLE listing ADD COLUMN price_due BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE listing ADD COLUMN price_told_at BIGINT;
ALTER TABLE listing ADD COLUMN price_error TEXT NOT NULL DEFAULT '';
CREATE INDEX listing_price_due ON listing (channel_id, id) WHERE price_due;
