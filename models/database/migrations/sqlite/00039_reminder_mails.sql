-- +goose Up
-- Mails that remind a company of its step in a guided setup. SQLite cannot change a
-- CHECK, so the table is made anew. Nothing refers to it.
CREATE TABLE new_mails (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    kind          TEXT NOT NULL CHECK (kind IN ('reconnect_needed', 'works_again', 'upgrade_needed', 'setup_allow', 'setup_tenant')),
    reason        TEXT NOT NULL DEFAULT '',
    recipient     TEXT NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    next_try_at   DATETIME,
    sent_at       DATETIME,
    created_at    DATETIME NOT NULL,
    channel       TEXT NOT NULL DEFAULT 'mail'
) WITHOUT ROWID;
INSERT INTO new_mails (id, company_id, connection_id, kind, reason, recipient, tries, next_try_at, sent_at, created_at, channel)
SELECT id, company_id, connection_id, kind, reason, recipient, tries, next_try_at, sent_at, created_at, channel FROM mails;
DROP TABLE mails;
ALTER TABLE new_mails RENAME TO mails;
CREATE INDEX mails_due ON mails (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX mails_connection ON mails (connection_id, id);
CREATE INDEX mails_settled ON mails (created_at) WHERE next_try_at IS NULL;
CREATE INDEX mails_recipient ON mails (recipient, created_at);

-- The record of the reminders that staff sent.
CREATE INDEX events_reminded ON events (id) WHERE kind IN ('reconnect_mailed', 'reminded');

-- +goose Down
DROP INDEX events_reminded;
CREATE TABLE old_mails (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    kind          TEXT NOT NULL CHECK (kind IN ('reconnect_needed', 'works_again', 'upgrade_needed')),
    reason        TEXT NOT NULL DEFAULT '',
    recipient     TEXT NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    next_try_at   DATETIME,
    sent_at       DATETIME,
    created_at    DATETIME NOT NULL,
    channel       TEXT NOT NULL DEFAULT 'mail'
) WITHOUT ROWID;
INSERT INTO old_mails (id, company_id, connection_id, kind, reason, recipient, tries, next_try_at, sent_at, created_at, channel)
SELECT id, company_id, connection_id, kind, reason, recipient, tries, next_try_at, sent_at, created_at, channel FROM mails
WHERE kind NOT IN ('setup_allow', 'setup_tenant');
DROP TABLE mails;
ALTER TABLE old_mails RENAME TO mails;
CREATE INDEX mails_due ON mails (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX mails_connection ON mails (connection_id, id);
CREATE INDEX mails_settled ON mails (created_at) WHERE next_try_at IS NULL;
CREATE INDEX mails_recipient ON mails (recipient, created_at);
