-- +goose Up
-- scopes are what the key may do, separated by spaces. caller_name is what people see
-- when the key's program asks them to connect; empty is the key's name. return_urls are
-- the addresses, one a line, to which such a program may have people sent back.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN expires_at DATETIME;
ALTER TABLE api_keys ADD COLUMN last_used_address TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN caller_name TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN return_urls TEXT NOT NULL DEFAULT '';
-- Rolling a key gives it another secret. The hash of the one before it works until
-- old_until, and was last used at old_used_at.
ALTER TABLE api_keys ADD COLUMN rolled_at DATETIME;
ALTER TABLE api_keys ADD COLUMN old_key_hash BLOB;
ALTER TABLE api_keys ADD COLUMN old_until DATETIME;
ALTER TABLE api_keys ADD COLUMN old_used_at DATETIME;
CREATE UNIQUE INDEX api_keys_old_hash ON api_keys (old_key_hash) WHERE old_key_hash IS NOT NULL;
-- What every key could do so far.
UPDATE api_keys SET scopes = 'connections:read tokens:read';

-- +goose Down
DROP INDEX api_keys_old_hash;
ALTER TABLE api_keys DROP COLUMN old_used_at;
ALTER TABLE api_keys DROP COLUMN old_until;
ALTER TABLE api_keys DROP COLUMN old_key_hash;
ALTER TABLE api_keys DROP COLUMN rolled_at;
ALTER TABLE api_keys DROP COLUMN return_urls;
ALTER TABLE api_keys DROP COLUMN caller_name;
ALTER TABLE api_keys DROP COLUMN last_used_address;
ALTER TABLE api_keys DROP COLUMN expires_at;
ALTER TABLE api_keys DROP COLUMN scopes;
