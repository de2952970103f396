-- Second factors, tokens for more purposes, mails to be sent, and what an audit looks up.

CREATE TABLE two_factor (
  user_id BIGINT PRIMARY KEY REFERENCES user_account (id) ON DELETE CASCADE,
  -- sealed
  secret BYTEA NOT NULL,
  -- a first code has proved that the secret arrived
  confirmed BOOLEAN NOT NULL,
  -- the last time step whose code was used: none is taken twice
  last_step BIGINT NOT NULL,
  since BIGINT NOT NULL
);
CREATE TABLE recovery_code (
  user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  digest BYTEA NOT NULL,
  PRIMARY KEY (user_id, digest)
);

-- Roles whose users must have a second factor.
CREATE TABLE two_factor_role (
  role TEXT PRIMARY KEY CHECK (role IN ('owner', 'manager', 'desk', 'viewer'))
);

-- Takes the place of sign_in_token, which knew two purposes only.
CREATE TABLE one_time_token (
  token_digest BYTEA PRIMARY KEY,
  purpose TEXT NOT NULL CONSTRAINT one_time_token_purpose CHECK (purpose IN ('set_up', 'sign_in', 'second_step', 'reset')),
  user_id BIGINT REFERENCES user_account (id) ON DELETE CASCADE,
  expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_token_expiry ON one_time_token (expires_at);
INSERT INTO one_time_token (token_digest, purpose, user_id, expires_at)
  SELECT token_digest, purpose, user_id, expires_at FROM sign_in_token;
DROP TABLE sign_in_token;

ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';

-- Mails of the application itself. The text is sealed, as it may hold a link that signs in, and goes when the mail is sent.
CREATE TABLE mail (
  id {id},
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body BYTEA NOT NULL,
  state TEXT NOT NULL CONSTRAINT mail_state CHECK (state IN ('queued', 'sent', 'failed')),
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX mail_due ON mail (next_at) WHERE state = 'queued';

CREATE INDEX history_actor ON history (actor, id);
CREATE INDEX history_noun ON history (noun, id);
