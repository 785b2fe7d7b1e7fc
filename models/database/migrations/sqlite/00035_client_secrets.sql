-- +goose Up
-- When the secret of a tenant's own client was entered, which secret it replaced that
-- still has to be deleted in ServiceTitan, and when staff want to be reminded.
ALTER TABLE connections ADD COLUMN secret_at DATETIME;
ALTER TABLE connections ADD COLUMN old_secret TEXT NOT NULL DEFAULT '' CHECK (old_secret IN ('', 'cs1', 'cs2', 'other'));
ALTER TABLE connections ADD COLUMN secret_reminder_at DATETIME;
UPDATE connections SET secret_at = connected_at
WHERE EXISTS (SELECT 1 FROM credentials r WHERE r.connection_id = connections.id AND r.secret_sealed IS NOT NULL);
CREATE INDEX connections_by_secret ON connections (environment, way, secret_at, id) WHERE secret_at IS NOT NULL;
CREATE INDEX connections_by_reminder ON connections (secret_reminder_at, id) WHERE secret_reminder_at IS NOT NULL;

-- +goose Down
DROP INDEX connections_by_reminder;
DROP INDEX connections_by_secret;
ALTER TABLE connections DROP COLUMN secret_reminder_at;
ALTER TABLE connections DROP COLUMN old_secret;
ALTER TABLE connections DROP COLUMN secret_at;
