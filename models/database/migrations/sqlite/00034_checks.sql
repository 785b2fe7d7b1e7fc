-- +goose Up
-- What the scheduled checks of a connection have found. due_at is when the next one is
-- due; null for never. answered_at is when ServiceTitan's API last answered for the
-- tenant as it should.
CREATE TABLE checks (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id),
    company_id    TEXT NOT NULL,
    environment   TEXT NOT NULL,
    due_at        DATETIME,
    tried_at      DATETIME,
    answered_at   DATETIME,
    failures      INTEGER NOT NULL DEFAULT 0,
    failing_since DATETIME,
    reason        TEXT NOT NULL DEFAULT '',
    lease_owner   TEXT NOT NULL DEFAULT '',
    lease_until   DATETIME
) WITHOUT ROWID;
CREATE INDEX checks_due ON checks (environment, due_at) WHERE due_at IS NOT NULL;

-- The first checks of the connections that are there come within about an hour.
INSERT INTO checks (connection_id, company_id, environment, due_at)
SELECT id, company_id, environment,
    CASE WHEN state IN ('connected', 'degraded') THEN strftime('%Y-%m-%d %H:%M:%S+00:00', 'now', '+' || (random() & 4095) || ' seconds') END
FROM connections WHERE connected_at > '0001-01-02';

-- Since when the checks of a connection fail for a temporary reason.
ALTER TABLE connections ADD COLUMN unanswered_since DATETIME;

ALTER TABLE renewal_days ADD COLUMN checks_ok INTEGER NOT NULL DEFAULT 0;
ALTER TABLE renewal_days ADD COLUMN checks_failed INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE renewal_days DROP COLUMN checks_failed;
ALTER TABLE renewal_days DROP COLUMN checks_ok;
ALTER TABLE connections DROP COLUMN unanswered_since;
DROP TABLE checks;
