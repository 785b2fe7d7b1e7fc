-- +goose Up
-- On SQLite, this rebuilds the table of credentials. Here, there is nothing to change.
SELECT 1;

-- +goose Down
SELECT 1;
