-- A channel's own warehouses, each with its download location and the locations whose stock it shows (reference 2.7).

CREATE TABLE channel_location (
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  -- the channel's id of it
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  -- where its orders land; none: where the channel's do
  download_location_id BIGINT REFERENCES location (id),
  push_stock BOOLEAN NOT NULL,
  PRIMARY KEY (channel_id, code)
);

-- Whose stock is summed for it. No row means all locations.
CREATE TABLE channel_location_stock (
  channel_id BIGINT NOT NULL,
  code TEXT NOT NULL,
  location_id BIGINT NOT NULL REFERENCES location (id) ON DELETE CASCADE,
  PRIMARY KEY (channel_id, code, location_id),
  FOREIGN KEY (channel_id, code) REFERENCES channel_location (channel_id, code) ON DELETE CASCADE
);

-- The figure that a listing's warehouse was told last.
CREATE TABLE listing_location (
  listing_id BIGINT NOT NULL REFERENCES listing (id) ON DELETE CASCADE,
  code TEXT NOT NULL,
  submitted BIGINT NOT NULL,
  submitted_at BIGINT NOT NULL,
  PRIMARY KEY (listing_id, code)
);

-- What becomes of an order that names several of them.
ALTER TABLE channel ADD COLUMN several_locations TEXT NOT NULL DEFAULT 'split'
  CONSTRAINT channel_several_locations CHECK (several_locations IN ('split', 'most', 'download'));
