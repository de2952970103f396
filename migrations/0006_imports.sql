-- Files of orders: how their columns are read, each run with its file until it is done, and what was rejected.

CREATE TABLE import_profile (
  id {id},
  name TEXT NOT NULL CONSTRAINT import_profile_name UNIQUE,
  -- JSON of what each column of ours is made of, and of how dates and numbers are written
  mapping TEXT NOT NULL,
  sub_source TEXT NOT NULL,
  location_id BIGINT NOT NULL REFERENCES location (id),
  updated_at BIGINT NOT NULL
);

CREATE TABLE import_run (
  id {id},
  file_name TEXT NOT NULL,
  digest BYTEA NOT NULL,
  -- JSON of the file's column names, for handing rejected rows back
  header TEXT NOT NULL,
  mapping TEXT NOT NULL,
  sub_source TEXT NOT NULL,
  location_id BIGINT NOT NULL REFERENCES location (id),
  state TEXT NOT NULL CONSTRAINT import_run_state CHECK (state IN ('prepared', 'running', 'done', 'cancelled', 'failed')),
  order_count BIGINT NOT NULL,
  -- orders of the file that are dealt with: a crash goes on from here
  done_count BIGINT NOT NULL,
  taken_count BIGINT NOT NULL,
  known_count BIGINT NOT NULL,
  rejected_count BIGINT NOT NULL,
  error TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT
);

-- Apart, because lists don't want the bytes. Gone when the run has ended.
CREATE TABLE import_file (
  run_id BIGINT PRIMARY KEY REFERENCES import_run (id) ON DELETE CASCADE,
  bytes BYTEA NOT NULL
);

CREATE TABLE import_reject (
  id {id},
  run_id BIGINT NOT NULL REFERENCES import_run (id) ON DELETE CASCADE,
  line BIGINT NOT NULL,
  reference TEXT NOT NULL,
  field TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- JSON of the row's cells
  cells TEXT NOT NULL
);
CREATE INDEX import_reject_run ON import_reject (run_id, id);

CREATE INDEX import_run_digest ON import_run (digest);
