-- +goose Up
-- due_at is when the keeper renews the credential by itself; null when never.
ALTER TABLE credentials ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN own_client INTEGER NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN due_at DATETIME;
UPDATE credentials SET due_at = expires_at, own_client = (secret_sealed IS NOT NULL), environment = (SELECT environment FROM connections c WHERE c.id = connection_id)
WHERE connection_id IN (SELECT id FROM connections WHERE state IN ('connected', 'degraded'));
CREATE INDEX credentials_due ON credentials (environment, own_client, due_at) WHERE due_at IS NOT NULL;

ALTER TABLE connections ADD COLUMN last_used_at DATETIME;
ALTER TABLE connections ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;

-- One row a day instead of one an hour: what the health strip shows.
CREATE TABLE renewal_days (
    connection_id TEXT NOT NULL REFERENCES connections (id),
    day           TEXT NOT NULL,
    ok            INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    PRIMARY KEY (connection_id, day)
) WITHOUT ROWID;
CREATE INDEX renewal_days_day ON renewal_days (day);
CREATE INDEX events_at ON events (at);

-- +goose Down
DROP INDEX events_at;
DROP TABLE renewal_days;
ALTER TABLE connections DROP COLUMN failures;
ALTER TABLE connections DROP COLUMN last_used_at;
DROP INDEX credentials_due;
ALTER TABLE credentials DROP COLUMN due_at;
ALTER TABLE credentials DROP COLUMN own_client;
ALTER TABLE credentials DROP COLUMN environment;
