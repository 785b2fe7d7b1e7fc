-- +goose Up
CREATE TABLE mails (
    id            UUID PRIMARY KEY,
    company_id    UUID NOT NULL REFERENCES companies (id),
    connection_id UUID NOT NULL REFERENCES connections (id),
    kind          TEXT NOT NULL CHECK (kind IN ('reconnect_needed', 'works_again', 'upgrade_needed')),
    reason        TEXT NOT NULL DEFAULT '',
    recipient     TEXT NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    next_try_at   TIMESTAMPTZ,
    sent_at       TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL
);
-- next_try_at is null for what was sent or given up.
CREATE INDEX mails_due ON mails (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX mails_connection ON mails (connection_id, id);

-- Who connected it is told too when it stops working.
ALTER TABLE connections ADD COLUMN connected_by_id UUID;

-- +goose Down
ALTER TABLE connections DROP COLUMN connected_by_id;
DROP TABLE mails;
