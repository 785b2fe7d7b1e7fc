-- +goose Up
-- The company that an operator's invitation to sign up is for, or nothing.
ALTER TABLE links ADD COLUMN company_name TEXT NOT NULL DEFAULT '';

-- Links by which staff choose a password are like other links. Those that were
-- handed out keep working.
INSERT INTO links (id, purpose, secret_hash, email, user_id, created_at, expires_at)
SELECT id, 'staff_setup', setup_hash, email, id, created_at, setup_until FROM users WHERE setup_hash IS NOT NULL AND setup_until IS NOT NULL;
DROP INDEX users_setup;
ALTER TABLE users DROP COLUMN setup_until;
ALTER TABLE users DROP COLUMN setup_hash;

-- +goose Down
ALTER TABLE users ADD COLUMN setup_hash BYTEA;
ALTER TABLE users ADD COLUMN setup_until TIMESTAMPTZ;
CREATE UNIQUE INDEX users_setup ON users (setup_hash) WHERE setup_hash IS NOT NULL;
UPDATE users SET
    setup_hash = (SELECT l.secret_hash FROM links l WHERE l.user_id = users.id AND l.purpose = 'staff_setup' AND l.used_at IS NULL ORDER BY l.expires_at DESC LIMIT 1),
    setup_until = (SELECT l.expires_at FROM links l WHERE l.user_id = users.id AND l.purpose = 'staff_setup' AND l.used_at IS NULL ORDER BY l.expires_at DESC LIMIT 1)
WHERE staff_role <> '';
DELETE FROM links WHERE purpose = 'staff_setup';
ALTER TABLE links DROP COLUMN company_name;
