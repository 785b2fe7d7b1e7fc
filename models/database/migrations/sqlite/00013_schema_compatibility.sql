-- +goose Up
-- What lets older programs go on during a rolling upgrade: a later migration that
-- programs made for an older schema can work with says how old they may be, for
-- example with INSERT INTO schema_compatibility VALUES (20, 19). For one that says
-- nothing, only a program that knows it will do.
CREATE TABLE schema_compatibility (
    version INTEGER PRIMARY KEY,
    oldest  INTEGER NOT NULL CHECK (oldest < version)
);

-- +goose Down
DROP TABLE schema_compatibility;
