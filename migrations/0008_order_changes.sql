-- Orders are split, merged and edited; composites are sold as one line and leave as several.

-- the channel's order that the line belongs to; blank: the order's own reference
ALTER TABLE order_line ADD COLUMN reference TEXT NOT NULL DEFAULT '';
-- the channel's id of the line, where channel_line had to differ (merged orders); blank: channel_line
ALTER TABLE order_line ADD COLUMN note_line TEXT NOT NULL DEFAULT '';
-- put in by hand: the channel knows nothing of it
ALTER TABLE order_line ADD COLUMN added BOOLEAN NOT NULL DEFAULT FALSE;
-- stands for its child lines, which hold the stock
ALTER TABLE order_line ADD COLUMN composite BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE order_line ADD COLUMN parent_line_id BIGINT REFERENCES order_line (id);
CREATE INDEX order_line_parent ON order_line (parent_line_id) WHERE parent_line_id IS NOT NULL;

-- the order that its lines went to; it is in state deleted then, and its key keeps the channel from bringing it back
ALTER TABLE orders ADD COLUMN merged_into BIGINT REFERENCES orders (id);
CREATE INDEX orders_merged ON orders (merged_into) WHERE merged_into IS NOT NULL;

-- to be read and acknowledged before the order is processed
ALTER TABLE order_note ADD COLUMN processing BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE order_relation (
  parent_id BIGINT NOT NULL REFERENCES orders (id),
  child_id BIGINT NOT NULL REFERENCES orders (id),
  kind TEXT NOT NULL CONSTRAINT order_relation_kind CHECK (kind IN ('split', 'merge')),
  at BIGINT NOT NULL,
  PRIMARY KEY (parent_id, child_id)
);
CREATE INDEX order_relation_child ON order_relation (child_id);

-- What a composite is made of. A composite has no stock of its own, and is no part of another one.
CREATE TABLE item_component (
  item_id BIGINT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
  component_id BIGINT NOT NULL REFERENCES item (id),
  quantity BIGINT NOT NULL CONSTRAINT item_component_quantity CHECK (quantity > 0),
  PRIMARY KEY (item_id, component_id),
  CONSTRAINT item_component_itself CHECK (item_id <> component_id)
);
CREATE INDEX item_component_of ON item_component (component_id);

-- Direct orders that are not complete yet: outside the order book, without any effect.
CREATE TABLE order_draft (
  id {id},
  -- JSON of the form as it was left
  form TEXT NOT NULL,
  author TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);

-- Customers kept for direct orders, by explicit choice.
CREATE TABLE customer (
  id {id},
  full_name TEXT NOT NULL,
  company TEXT NOT NULL,
  email TEXT NOT NULL,
  -- JSON of an address
  address TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX customer_email ON customer (email) WHERE email <> '';
CREATE INDEX customer_name ON customer (full_name);
{search customer_search}
