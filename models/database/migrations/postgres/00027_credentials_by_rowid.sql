-- +goose Up
-- On SQLite, this rebuilds the table of credentials. Here, there is nothing to change.
INSERT INTO schema_compatibility VALUES (27, 26);

-- +goose Down
DELETE FROM schema_compatibility WHERE version = 27;
