-- +goose Up
-- The tenant's own client, for connections that use one.
ALTER TABLE credentials ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN secret_sealed BYTEA CHECK (get_byte(secret_sealed, 0) = 1);

-- +goose Down
ALTER TABLE credentials DROP COLUMN secret_sealed;
ALTER TABLE credentials DROP COLUMN client_id;
