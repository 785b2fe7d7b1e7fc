-- +goose Up
-- What a person sees of a session: an ID that is not its token, and the browser and
-- the system in words of ours. epoch is the user's session epoch when it began.
ALTER TABLE sessions ADD COLUMN id UUID;
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN system TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET id = gen_random_uuid();
UPDATE sessions SET epoch = coalesce((SELECT u.session_epoch FROM users u WHERE u.id = sessions.user_id), 0);

-- The address to which the person wants to move, until they prove it.
ALTER TABLE users ADD COLUMN new_email TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE users DROP COLUMN new_email;
ALTER TABLE sessions DROP COLUMN epoch;
ALTER TABLE sessions DROP COLUMN system;
ALTER TABLE sessions DROP COLUMN browser;
ALTER TABLE sessions DROP COLUMN id;
