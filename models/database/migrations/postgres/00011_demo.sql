-- +goose Up
-- A row says that all that is here is made up and may be deleted.
CREATE TABLE demo (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    begun_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE demo;
