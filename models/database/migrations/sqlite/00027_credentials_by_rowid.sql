-- +goose Up
-- A table without row IDs keeps whole rows in the inner nodes of its tree too. Rows as
-- long as credentials made that tree so deep that finding one read a dozen pages. With
-- row IDs, it reads two. The long columns come last, so that reading the others does not
-- read them.
CREATE TABLE credentials_by_rowid (
    connection_id  TEXT NOT NULL PRIMARY KEY REFERENCES connections (id),
    company_id     TEXT NOT NULL REFERENCES companies (id),
    environment    TEXT NOT NULL DEFAULT '',
    own_client     INTEGER NOT NULL DEFAULT 0,
    due_at         DATETIME,
    generation     INTEGER NOT NULL,
    expires_at     DATETIME NOT NULL,
    lease_owner    TEXT NOT NULL DEFAULT '',
    lease_until    DATETIME,
    client_id      TEXT NOT NULL DEFAULT '',
    access_sealed  BLOB NOT NULL CHECK (typeof(access_sealed) = 'blob' AND hex(substr(access_sealed, 1, 1)) = '01'),
    refresh_sealed BLOB CHECK (refresh_sealed IS NULL OR (typeof(refresh_sealed) = 'blob' AND hex(substr(refresh_sealed, 1, 1)) = '01')),
    secret_sealed  BLOB CHECK (secret_sealed IS NULL OR (typeof(secret_sealed) = 'blob' AND hex(substr(secret_sealed, 1, 1)) = '01'))
);
INSERT INTO credentials_by_rowid (connection_id, company_id, environment, own_client, due_at, generation, expires_at, lease_owner, lease_until,
        client_id, access_sealed, refresh_sealed, secret_sealed)
    SELECT connection_id, company_id, environment, own_client, due_at, generation, expires_at, lease_owner, lease_until,
        client_id, access_sealed, refresh_sealed, secret_sealed FROM credentials;
DROP TABLE credentials;
ALTER TABLE credentials_by_rowid RENAME TO credentials;
CREATE INDEX credentials_due ON credentials (environment, own_client, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX credentials_leased ON credentials (lease_until) WHERE lease_until IS NOT NULL;

-- +goose Down
CREATE TABLE credentials_without_rowid (
    connection_id  TEXT PRIMARY KEY REFERENCES connections (id),
    company_id     TEXT NOT NULL REFERENCES companies (id),
    access_sealed  BLOB NOT NULL CHECK (typeof(access_sealed) = 'blob' AND hex(substr(access_sealed, 1, 1)) = '01'),
    refresh_sealed BLOB CHECK (refresh_sealed IS NULL OR (typeof(refresh_sealed) = 'blob' AND hex(substr(refresh_sealed, 1, 1)) = '01')),
    expires_at     DATETIME NOT NULL,
    generation     INTEGER NOT NULL,
    lease_owner    TEXT NOT NULL DEFAULT '',
    lease_until    DATETIME,
    client_id      TEXT NOT NULL DEFAULT '',
    secret_sealed  BLOB CHECK (secret_sealed IS NULL OR (typeof(secret_sealed) = 'blob' AND hex(substr(secret_sealed, 1, 1)) = '01')),
    environment    TEXT NOT NULL DEFAULT '',
    own_client     INTEGER NOT NULL DEFAULT 0,
    due_at         DATETIME
) WITHOUT ROWID;
INSERT INTO credentials_without_rowid (connection_id, company_id, environment, own_client, due_at, generation, expires_at, lease_owner, lease_until,
        client_id, access_sealed, refresh_sealed, secret_sealed)
    SELECT connection_id, company_id, environment, own_client, due_at, generation, expires_at, lease_owner, lease_until,
        client_id, access_sealed, refresh_sealed, secret_sealed FROM credentials;
DROP TABLE credentials;
ALTER TABLE credentials_without_rowid RENAME TO credentials;
CREATE INDEX credentials_due ON credentials (environment, own_client, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX credentials_leased ON credentials (lease_until) WHERE lease_until IS NOT NULL;
