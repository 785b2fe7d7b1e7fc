-- +goose Up
-- The keys that values are sealed with, so that an instance that lacks one finds out
-- without reading every value. Each instance notes the key that it seals with. That note
-- is also the small write by which it knows that the database takes writes.
CREATE TABLE keys_in_use (
    key_id  BIGINT PRIMARY KEY,
    used_at DATETIME NOT NULL
);

INSERT INTO schema_compatibility VALUES (33, 32);

-- +goose Down
DELETE FROM schema_compatibility WHERE version = 33;
DROP TABLE keys_in_use;
