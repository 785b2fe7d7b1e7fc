-- +goose Up
-- A passkey has a private key on the person's device. credential_id names it, and
-- public_key (COSE) checks its signatures. Neither is a secret. sign_count is the
-- highest count that the device has sent; many devices always send 0.
CREATE TABLE passkeys (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id),
    credential_id   BLOB NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key      BLOB NOT NULL,
    sign_count      BIGINT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up       BOOLEAN NOT NULL,
    transports      TEXT NOT NULL,
    name            TEXT NOT NULL,
    created_at      DATETIME NOT NULL,
    last_used_at    DATETIME
) WITHOUT ROWID;
CREATE INDEX passkeys_user ON passkeys (user_id);

-- +goose Down
DROP TABLE passkeys;
