-- +goose Up
-- A staff member's second factor. It counts once it is confirmed; last_step is
-- the newest time step whose code was accepted (RFC 6238, section 5.2).
CREATE TABLE second_factors (
    user_id       TEXT PRIMARY KEY REFERENCES users (id),
    secret_sealed BLOB NOT NULL CHECK (typeof(secret_sealed) = 'blob' AND hex(substr(secret_sealed, 1, 1)) = '01'),
    last_step     BIGINT NOT NULL DEFAULT 0,
    confirmed_at  DATETIME,
    created_at    DATETIME NOT NULL
) WITHOUT ROWID;

-- Each is good once. code_hash is its SHA-256.
CREATE TABLE recovery_codes (
    user_id   TEXT NOT NULL REFERENCES users (id),
    code_hash BLOB NOT NULL,
    PRIMARY KEY (user_id, code_hash)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE recovery_codes;
DROP TABLE second_factors;
