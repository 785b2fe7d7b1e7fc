-- +goose Up
-- Requests that failed or were refused, by the support code that people read out. They
-- are written a little later than they happened, and about companies that may be gone by
-- then, so the rows refer to nothing.
CREATE TABLE failures (
    id            TEXT PRIMARY KEY,
    support_code  TEXT NOT NULL,
    at            DATETIME NOT NULL,
    method        TEXT NOT NULL,
    route         TEXT NOT NULL,
    status        INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    reason        TEXT NOT NULL,
    company_id    TEXT,
    connection_id TEXT,
    user_id       TEXT,
    staff         BOOLEAN NOT NULL,
    key_id        TEXT,
    millis        BIGINT NOT NULL
);
CREATE INDEX failures_support_code ON failures (support_code);
CREATE INDEX failures_company ON failures (company_id, at);
CREATE INDEX failures_at ON failures (at);

INSERT INTO schema_compatibility VALUES (37, 36);

-- +goose Down
DELETE FROM schema_compatibility WHERE version = 37;
DROP TABLE failures;
