-- +goose Up
-- A refresh token that is no longer kept, for as long as ServiceTitan has yet to
-- be told.
CREATE TABLE revocations (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    environment   TEXT NOT NULL,
    token_sealed  BLOB NOT NULL CHECK (typeof(token_sealed) = 'blob' AND hex(substr(token_sealed, 1, 1)) = '01'),
    tries         INTEGER NOT NULL DEFAULT 0,
    next_try_at   DATETIME NOT NULL,
    created_at    DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX revocations_due ON revocations (next_try_at);

-- +goose Down
DROP TABLE revocations;
