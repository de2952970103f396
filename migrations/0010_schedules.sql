-- Files that come and go by themselves.

CREATE TABLE schedule (
  id {id},
  name TEXT NOT NULL CONSTRAINT schedule_name UNIQUE,
  direction TEXT NOT NULL CONSTRAINT schedule_direction CHECK (direction IN ('import', 'export')),
  -- in: name of a kept mapping; out: orders, items, stock
  what TEXT NOT NULL,
  -- JSON: where the file is
  place TEXT NOT NULL,
  -- sealed password or private key
  secret BYTEA NOT NULL,
  -- JSON: when it runs
  timetable TEXT NOT NULL,
  -- JSON: how an exported file looks
  layout TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  last_at BIGINT,
  last_outcome TEXT NOT NULL CONSTRAINT schedule_outcome CHECK (last_outcome IN ('awaiting', 'done', 'unchanged', 'failed')),
  last_message TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

-- The log: the last 200 of each.
CREATE TABLE schedule_run (
  id {id},
  schedule_id BIGINT NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
  at BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  message TEXT NOT NULL,
  import_id BIGINT
);
CREATE INDEX schedule_run_of ON schedule_run (schedule_id, id);

-- The files that were seen, by name: the very same bytes are passed over.
CREATE TABLE schedule_file (
  schedule_id BIGINT NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (schedule_id, name)
);
