-- +goose Up
-- What an owner asked somebody else to do in ServiceTitan, by a link. The link is in
-- links, and subject_id there is the ask. binding_hash is the hash of the value that
-- the browser has which opened the link first, or null.
CREATE TABLE asks (
    id            UUID PRIMARY KEY,
    company_id    UUID NOT NULL REFERENCES companies (id),
    asker_id      UUID NOT NULL REFERENCES users (id),
    environment   TEXT NOT NULL,
    tenant_id     BIGINT NOT NULL,
    way           TEXT NOT NULL,
    connection_id UUID REFERENCES connections (id),
    binding_hash  BYTEA UNIQUE,
    admin_name    TEXT NOT NULL DEFAULT '',
    opened_at     TIMESTAMPTZ,
    away_since    TIMESTAMPTZ,
    last_outcome  TEXT NOT NULL DEFAULT '',
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    ended_at      TIMESTAMPTZ,
    ended         TEXT NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (ended = ''))
);
CREATE INDEX asks_open ON asks (company_id, environment, tenant_id) WHERE ended_at IS NULL;
CREATE INDEX asks_expires ON asks (expires_at);

-- The ask through which an authorization began, or null for one of a session. Such
-- an authorization belongs to the ask's browser, and user_id is who asked.
ALTER TABLE authorizations ADD COLUMN ask_id UUID;

-- +goose Down
DELETE FROM authorizations WHERE ask_id IS NOT NULL;
ALTER TABLE authorizations DROP COLUMN ask_id;
DELETE FROM links WHERE purpose = 'ask';
DELETE FROM account_mails WHERE kind = 'ask_used';
DROP TABLE asks;
