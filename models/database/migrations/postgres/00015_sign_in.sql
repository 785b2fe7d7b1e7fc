-- +goose Up
-- Whose session it is, so that a user has only so many. It is null for a session
-- of nobody yet, and for those from before.
ALTER TABLE sessions ADD COLUMN user_id UUID;
CREATE INDEX sessions_user ON sessions (user_id, expires_at) WHERE user_id IS NOT NULL;

-- Mails about an account, which belong to no connection.
CREATE TABLE account_mails (
    id          UUID PRIMARY KEY,
    user_id     UUID NOT NULL REFERENCES users (id),
    kind        TEXT NOT NULL CHECK (kind IN ('sign_in_tries')),
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ,
    sent_at     TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL
);
-- next_try_at is null for what was sent or given up.
CREATE INDEX account_mails_due ON account_mails (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX account_mails_created ON account_mails (created_at);

-- +goose Down
DROP TABLE account_mails;
DROP INDEX sessions_user;
ALTER TABLE sessions DROP COLUMN user_id;
