-- Rules (reference 5): their drafts, their published versions for ever, and what each of them did to which order.

CREATE TABLE rule (
  id {id},
  name TEXT NOT NULL CONSTRAINT rule_name UNIQUE,
  -- rules run in this sequence
  place BIGINT NOT NULL,
  enabled BOOLEAN NOT NULL,
  -- JSON of a tree; blank where nothing differs from what is live
  draft TEXT NOT NULL,
  -- number of the version that is live; 0: none yet
  live BIGINT NOT NULL,
  -- why an action of it could not be done the last time that this happened; blank: never
  trouble TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
INSERT INTO id_block (name, next) VALUES ('rule', 1);

-- Append-only; it outlives its rule, so that what was decided by it stays explained.
CREATE TABLE rule_version (
  rule_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (rule_id, number)
);

-- Orders that the rules have yet to see, once for each cause: the history entry that was it.
CREATE TABLE rule_due (
  order_id BIGINT PRIMARY KEY REFERENCES orders (id),
  cause TEXT NOT NULL,
  at BIGINT NOT NULL
);

-- What the rules saw and did: append-only.
CREATE TABLE rule_run (
  id {id},
  order_id BIGINT NOT NULL REFERENCES orders (id),
  cause TEXT NOT NULL,
  at BIGINT NOT NULL,
  trace TEXT NOT NULL
);
CREATE INDEX rule_run_order ON rule_run (order_id, id);
