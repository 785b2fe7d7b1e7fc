-- +goose Up
-- key_hash is the SHA-256 of the key. A key without a company is for all.
CREATE TABLE api_keys (
    id           UUID PRIMARY KEY,
    company_id   UUID REFERENCES companies (id),
    name         TEXT NOT NULL,
    key_hash     BYTEA NOT NULL UNIQUE,
    reads        BIGINT NOT NULL DEFAULT 0,
    last_used_at TIMESTAMPTZ,
    created_at   TIMESTAMPTZ NOT NULL,
    revoked_at   TIMESTAMPTZ
);
CREATE INDEX connections_company ON connections (company_id, id);

-- +goose Down
DROP INDEX connections_company;
DROP TABLE api_keys;
