-- Settings are changed by one person at a time, and each user has some of their own.

-- counts changes, so that two people never overwrite each other silently
ALTER TABLE setting ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

CREATE TABLE user_preference (
  user_id BIGINT PRIMARY KEY REFERENCES user_account (id) ON DELETE CASCADE,
  -- JSON of what the user chose; what is not in it is as the company has it
  value TEXT NOT NULL,
  version BIGINT NOT NULL
);
