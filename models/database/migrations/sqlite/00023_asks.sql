-- +goose Up
-- What an owner asked somebody else to do in ServiceTitan, by a link. The link is in
-- links, and subject_id there is the ask. binding_hash is the hash of the value that
-- the browser has which opened the link first, or null.
CREATE TABLE asks (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    asker_id      TEXT NOT NULL REFERENCES users (id),
    environment   TEXT NOT NULL,
    tenant_id     INTEGER NOT NULL,
    way           TEXT NOT NULL,
    connection_id TEXT REFERENCES connections (id),
    binding_hash  BLOB UNIQUE,
    admin_name    TEXT NOT NULL DEFAULT '',
    opened_at     DATETIME,
    away_since    DATETIME,
    last_outcome  TEXT NOT NULL DEFAULT '',
    created_at    DATETIME NOT NULL,
    expires_at    DATETIME NOT NULL,
    ended_at      DATETIME,
    ended         TEXT NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (ended = ''))
) WITHOUT ROWID;
CREATE INDEX asks_open ON asks (company_id, environment, tenant_id) WHERE ended_at IS NULL;
CREATE INDEX asks_expires ON asks (expires_at);

-- The ask through which an authorization began, or null for one of a session. Such
-- an authorization belongs to the ask's browser, and user_id is who asked.
ALTER TABLE authorizations ADD COLUMN ask_id TEXT;

-- +goose Down
DELETE FROM authorizations WHERE ask_id IS NOT NULL;
ALTER TABLE authorizations DROP COLUMN ask_id;
DELETE FROM links WHERE purpose = 'ask';
DELETE FROM account_mails WHERE kind = 'ask_used';
DROP TABLE asks;
