-- What orders carry besides their own fields: folders and identifiers (reference 2.4, 2.5).

CREATE TABLE mark (
  id {id},
  kind TEXT NOT NULL CONSTRAINT mark_kind CHECK (kind IN ('folder', 'identifier')),
  name TEXT NOT NULL,
  -- what files, channels and programs call it; of a folder, its name in lower case
  tag TEXT NOT NULL,
  -- shown on the badge of an identifier
  letter TEXT NOT NULL,
  colour TEXT NOT NULL,
  system BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT mark_tag UNIQUE (kind, tag)
);
INSERT INTO mark (id, kind, name, tag, letter, colour, system, created_at) VALUES
  (1, 'identifier', 'Amazon Prime', 'AMAZON_PRIME', 'P', 'blue', TRUE, 0),
  (2, 'identifier', 'Amazon Premium', 'AMAZON_PREMIUM', '1', 'purple', TRUE, 0),
  (3, 'identifier', 'Scheduled delivery', 'SCHEDULED_DELIVERY', 'S', 'green', TRUE, 0),
  (4, 'identifier', 'In Pickwave', 'IN_PICKWAVE', 'W', 'orange', TRUE, 0),
  (5, 'identifier', 'Pickwave Complete', 'PICKWAVE_COMPLETE', 'C', 'green', TRUE, 0),
  (6, 'identifier', 'Combined order split', 'COMBINED_ORDER_SPLIT', 'X', 'grey', TRUE, 0);
INSERT INTO id_block (name, next) VALUES ('mark', 100);

CREATE TABLE order_mark (
  order_id BIGINT NOT NULL REFERENCES orders (id),
  mark_id BIGINT NOT NULL REFERENCES mark (id),
  -- written with the order's state, so that a list of open orders never walks the ended ones
  open BOOLEAN NOT NULL,
  PRIMARY KEY (order_id, mark_id)
);
CREATE INDEX order_mark_open ON order_mark (mark_id, order_id) WHERE open;
CREATE INDEX order_mark_all ON order_mark (mark_id, order_id);

-- never merged by itself
ALTER TABLE orders ADD COLUMN no_merge BOOLEAN NOT NULL DEFAULT FALSE;
