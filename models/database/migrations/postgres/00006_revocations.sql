-- +goose Up
-- A refresh token that is no longer kept, for as long as ServiceTitan has yet to
-- be told.
CREATE TABLE revocations (
    id            UUID PRIMARY KEY,
    company_id    UUID NOT NULL REFERENCES companies (id),
    connection_id UUID NOT NULL REFERENCES connections (id),
    environment   TEXT NOT NULL,
    token_sealed  BYTEA NOT NULL CHECK (get_byte(token_sealed, 0) = 1),
    tries         INTEGER NOT NULL DEFAULT 0,
    next_try_at   TIMESTAMPTZ NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX revocations_due ON revocations (next_try_at);

-- +goose Down
DROP TABLE revocations;
