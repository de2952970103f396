-- Who works here, what was done, what is to be done.

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE user_account (
  id {id},
  email TEXT NOT NULL CONSTRAINT user_account_email UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CONSTRAINT user_account_role CHECK (role IN ('owner', 'manager', 'desk', 'viewer')),
  password_hash TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  -- the location whose orders and stock open first; none means all
  location_id BIGINT,
  created_at BIGINT NOT NULL,
  signed_in_at BIGINT
);

CREATE TABLE session (
  token_digest BYTEA PRIMARY KEY,
  user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- what the browser called itself, for the list of sessions
  agent TEXT NOT NULL
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

-- One-time tokens: the set-up code and sign-in links. Only digests are kept.
CREATE TABLE sign_in_token (
  token_digest BYTEA PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('set_up', 'sign_in')),
  user_id BIGINT REFERENCES user_account (id) ON DELETE CASCADE,
  expires_at BIGINT NOT NULL
);

-- Failed sign-ins, by account and by address, for throttling on every node alike.
CREATE TABLE sign_in_failure (
  subject TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  last_at BIGINT NOT NULL
);

-- What was done to anything, by whom. Append-only.
CREATE TABLE history (
  id {id},
  noun TEXT NOT NULL,
  noun_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX history_of ON history (noun, noun_id, id);

-- What has changed, for the browsers of every node. Kept for an hour.
CREATE TABLE changes (
  id {id},
  at BIGINT NOT NULL,
  noun TEXT NOT NULL,
  ids TEXT NOT NULL
);
CREATE INDEX changes_at ON changes (at);

-- Work to be done, written in the same transaction as its cause.
CREATE TABLE job (
  id {id},
  kind TEXT NOT NULL,
  -- folds: a second job with the same key is the same job
  key TEXT NOT NULL CONSTRAINT job_key UNIQUE,
  payload TEXT NOT NULL,
  state TEXT NOT NULL CONSTRAINT job_state CHECK (state IN ('ready', 'dead')),
  run_at BIGINT NOT NULL,
  -- asked for while it was running: run again at once
  again BOOLEAN NOT NULL,
  attempts BIGINT NOT NULL,
  leased_by TEXT,
  leased_until BIGINT,
  last_error TEXT NOT NULL,
  last_started_at BIGINT,
  last_ended_at BIGINT
);
CREATE INDEX job_due ON job (run_at) WHERE state = 'ready';
