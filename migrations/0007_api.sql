-- The doors for programs: tokens, answers kept for repeated requests, webhooks and what they are told.

CREATE TABLE api_token (
  id {id},
  -- whose rights bound those of the token
  user_id BIGINT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  -- SHA-256 of the secret, which is shown once and kept nowhere
  digest BYTEA NOT NULL CONSTRAINT api_token_digest UNIQUE,
  -- the first characters, so that people can tell which one it is
  beginning TEXT NOT NULL,
  -- permissions, apart by spaces
  scopes TEXT NOT NULL,
  calls_per_minute BIGINT NOT NULL CONSTRAINT api_token_calls CHECK (calls_per_minute > 0),
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  -- to the minute
  used_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX api_token_of ON api_token (user_id, id);

-- Answers to requests that carried an Idempotency-Key, written in the transaction of the effect.
CREATE TABLE api_answer (
  token_id BIGINT NOT NULL REFERENCES api_token (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  -- SHA-256 of method, path and body
  request BYTEA NOT NULL,
  status BIGINT NOT NULL,
  body TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (token_id, key)
);
CREATE INDEX api_answer_at ON api_answer (at);

-- Addresses that are told what happens.
CREATE TABLE webhook (
  id {id},
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  -- sealed with the key outside the database
  secret BYTEA NOT NULL,
  -- kinds of events, apart by spaces
  kinds TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);

-- What an address was or is to be told, written in the transaction of what it tells.
CREATE TABLE webhook_delivery (
  id {id},
  webhook_id BIGINT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  at BIGINT NOT NULL,
  state TEXT NOT NULL CONSTRAINT webhook_delivery_state CHECK (state IN ('queued', 'delivered', 'failed')),
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  settled_at BIGINT
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_at) WHERE state = 'queued';
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_settled ON webhook_delivery (settled_at) WHERE state <> 'queued';
