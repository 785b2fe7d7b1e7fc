-- +goose Up
-- How a message leaves us. Each channel has a transport.
ALTER TABLE mails ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail';

-- Older programs queue only mails, and so may go on during a rolling upgrade.
INSERT INTO schema_compatibility VALUES (19, 18);

-- +goose Down
DELETE FROM schema_compatibility WHERE version = 19;
ALTER TABLE mails DROP COLUMN channel;
