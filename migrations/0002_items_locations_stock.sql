-- What is sold, where it lies, and why the figures are what they are.

CREATE TABLE location (
  id {id},
  name TEXT NOT NULL CONSTRAINT location_name UNIQUE,
  -- processing may take a level below zero here, never an allocation
  allow_negative BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL
);

-- The one default location. The foreign key is what keeps it from being deleted.
CREATE TABLE default_location (
  place BIGINT PRIMARY KEY CHECK (place = 1),
  location_id BIGINT NOT NULL REFERENCES location (id)
);

CREATE TABLE item (
  id {id},
  sku TEXT NOT NULL CONSTRAINT item_sku UNIQUE,
  title TEXT NOT NULL,
  weight_g BIGINT NOT NULL CONSTRAINT item_weight CHECK (weight_g >= 0),
  length_mm BIGINT NOT NULL CONSTRAINT item_length CHECK (length_mm >= 0),
  width_mm BIGINT NOT NULL CONSTRAINT item_width CHECK (width_mm >= 0),
  height_mm BIGINT NOT NULL CONSTRAINT item_height CHECK (height_mm >= 0),
  price BIGINT NOT NULL CONSTRAINT item_price CHECK (price >= 0),
  currency TEXT NOT NULL,
  tax_rate BIGINT NOT NULL CONSTRAINT item_tax_rate CHECK (tax_rate >= 0),
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);

CREATE TABLE item_barcode (
  barcode TEXT PRIMARY KEY,
  item_id BIGINT NOT NULL REFERENCES item (id) ON DELETE CASCADE
);
CREATE INDEX item_barcode_item ON item_barcode (item_id);

{search item_search}

-- Per item and location. available = on_hand - demand is never stored.
CREATE TABLE stock_level (
  item_id BIGINT NOT NULL REFERENCES item (id),
  location_id BIGINT NOT NULL REFERENCES location (id),
  -- physical units
  on_hand BIGINT NOT NULL,
  -- promised to lines of open orders
  allocated BIGINT NOT NULL,
  -- wanted by lines of open, unlocked orders: allocated and short
  demand BIGINT NOT NULL,
  -- false: no figure moves and every order is taken as covered
  tracked BOOLEAN NOT NULL,
  PRIMARY KEY (item_id, location_id),
  -- no over-allocation, ever
  CONSTRAINT stock_level_no_over_allocation CHECK (allocated = 0 OR (allocated > 0 AND allocated <= on_hand)),
  CONSTRAINT stock_level_demand CHECK (demand >= allocated)
);
CREATE INDEX stock_level_location ON stock_level (location_id, item_id);

-- Every change of a level. Append-only; its sums are the levels.
CREATE TABLE stock_ledger (
  id {id},
  item_id BIGINT NOT NULL,
  location_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  cause TEXT NOT NULL,
  on_hand_change BIGINT NOT NULL,
  allocated_change BIGINT NOT NULL,
  demand_change BIGINT NOT NULL,
  order_id BIGINT,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT stock_ledger_changes CHECK (on_hand_change <> 0 OR allocated_change <> 0 OR demand_change <> 0)
);
CREATE INDEX stock_ledger_of ON stock_ledger (item_id, location_id, id);
