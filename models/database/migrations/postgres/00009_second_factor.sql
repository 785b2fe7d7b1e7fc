-- +goose Up
-- A staff member's second factor. It counts once it is confirmed; last_step is
-- the newest time step whose code was accepted (RFC 6238, section 5.2).
CREATE TABLE second_factors (
    user_id       UUID PRIMARY KEY REFERENCES users (id),
    secret_sealed BYTEA NOT NULL CHECK (get_byte(secret_sealed, 0) = 1),
    last_step     BIGINT NOT NULL DEFAULT 0,
    confirmed_at  TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL
);

-- Each is good once. code_hash is its SHA-256.
CREATE TABLE recovery_codes (
    user_id   UUID NOT NULL REFERENCES users (id),
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- +goose Down
DROP TABLE recovery_codes;
DROP TABLE second_factors;
