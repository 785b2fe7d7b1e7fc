-- +goose Up
-- key_hash is the SHA-256 of the key. A key without a company is for all.
CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    company_id   TEXT REFERENCES companies (id),
    name         TEXT NOT NULL,
    key_hash     BLOB NOT NULL UNIQUE,
    reads        INTEGER NOT NULL DEFAULT 0,
    last_used_at DATETIME,
    created_at   DATETIME NOT NULL,
    revoked_at   DATETIME
) WITHOUT ROWID;
CREATE INDEX connections_company ON connections (company_id, id);

-- +goose Down
DROP INDEX connections_company;
DROP TABLE api_keys;
