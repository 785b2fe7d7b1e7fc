-- +goose Up
-- The tenant's own client, for connections that use one.
ALTER TABLE credentials ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN secret_sealed BLOB CHECK (secret_sealed IS NULL OR (typeof(secret_sealed) = 'blob' AND hex(substr(secret_sealed, 1, 1)) = '01'));

-- +goose Down
ALTER TABLE credentials DROP COLUMN secret_sealed;
ALTER TABLE credentials DROP COLUMN client_id;
