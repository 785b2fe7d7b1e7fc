-- +goose Up
-- The name that owners gave a connection; empty for the name that ServiceTitan has.
ALTER TABLE connections ADD COLUMN nickname TEXT NOT NULL DEFAULT '';

INSERT INTO schema_compatibility VALUES (38, 37);

-- +goose Down
DELETE FROM schema_compatibility WHERE version = 38;
ALTER TABLE connections DROP COLUMN nickname;
