-- +goose Up
-- What the scheduled checks of a connection have found. due_at is when the next one is
-- due; null for never. answered_at is when ServiceTitan's API last answered for the
-- tenant as it should.
CREATE TABLE checks (
    connection_id UUID PRIMARY KEY REFERENCES connections (id),
    company_id    UUID NOT NULL,
    environment   TEXT NOT NULL,
    due_at        TIMESTAMPTZ,
    tried_at      TIMESTAMPTZ,
    answered_at   TIMESTAMPTZ,
    failures      INTEGER NOT NULL DEFAULT 0,
    failing_since TIMESTAMPTZ,
    reason        TEXT NOT NULL DEFAULT '',
    lease_owner   TEXT NOT NULL DEFAULT '',
    lease_until   TIMESTAMPTZ
) WITH (fillfactor = 70);
CREATE INDEX checks_due ON checks (environment, due_at) WHERE due_at IS NOT NULL;

-- The first checks of the connections that are there come within about an hour.
INSERT INTO checks (connection_id, company_id, environment, due_at)
SELECT id, company_id, environment, CASE WHEN state IN ('connected', 'degraded') THEN now() + random() * INTERVAL '1 hour' END
FROM connections WHERE connected_at > '0001-01-02';

-- Since when the checks of a connection fail for a temporary reason.
ALTER TABLE connections ADD COLUMN unanswered_since TIMESTAMPTZ;

ALTER TABLE renewal_days ADD COLUMN checks_ok INTEGER NOT NULL DEFAULT 0;
ALTER TABLE renewal_days ADD COLUMN checks_failed INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE renewal_days DROP COLUMN checks_failed;
ALTER TABLE renewal_days DROP COLUMN checks_ok;
ALTER TABLE connections DROP COLUMN unanswered_since;
DROP TABLE checks;
