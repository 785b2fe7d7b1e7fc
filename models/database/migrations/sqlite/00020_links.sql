-- +goose Up
-- When the person proved that they receive mail at their address. Staff addresses
-- are vouched for by whoever adds them. Members from before this version prove
-- theirs once; until then they get no other mail.
ALTER TABLE users ADD COLUMN proven_at DATETIME;
ALTER TABLE users ADD COLUMN last_sign_in_at DATETIME;
UPDATE users SET proven_at = created_at WHERE staff_role <> '';

-- One-time links. Only the hash of a link's secret is here. email is the address
-- that the link was made for, and subject_id is what it acts on, such as an
-- invitation.
CREATE TABLE links (
    id          TEXT PRIMARY KEY,
    purpose     TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    email       TEXT NOT NULL,
    user_id     TEXT REFERENCES users (id),
    subject_id  TEXT,
    created_at  DATETIME NOT NULL,
    expires_at  DATETIME NOT NULL,
    used_at     DATETIME
) WITHOUT ROWID;
CREATE INDEX links_expires ON links (expires_at);
CREATE INDEX links_email ON links (email, purpose);
CREATE INDEX links_user ON links (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX links_subject ON links (subject_id) WHERE subject_id IS NOT NULL;

-- A mail about an account may go to an address that has no account. Its links are
-- made when it is sent, so no secret waits here.
CREATE TABLE new_account_mails (
    id          TEXT PRIMARY KEY,
    user_id     TEXT REFERENCES users (id),
    recipient   TEXT NOT NULL,
    company_id  TEXT,
    subject_id  TEXT,
    kind        TEXT NOT NULL,
    detail      TEXT NOT NULL DEFAULT '',
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at DATETIME,
    sent_at     DATETIME,
    created_at  DATETIME NOT NULL
) WITHOUT ROWID;
INSERT INTO new_account_mails (id, user_id, recipient, kind, tries, next_try_at, sent_at, created_at)
SELECT m.id, m.user_id, u.email, m.kind, m.tries, m.next_try_at, m.sent_at, m.created_at FROM account_mails m JOIN users u ON u.id = m.user_id;
DROP TABLE account_mails;
ALTER TABLE new_account_mails RENAME TO account_mails;
CREATE INDEX account_mails_due ON account_mails (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX account_mails_created ON account_mails (created_at);

-- The company in which something was done, or null for what only concerns staff.
ALTER TABLE audit_records ADD COLUMN company_id TEXT;
CREATE INDEX audit_records_company ON audit_records (company_id, id) WHERE company_id IS NOT NULL;

-- +goose Down
DROP INDEX audit_records_company;
ALTER TABLE audit_records DROP COLUMN company_id;
CREATE TABLE old_account_mails (
    id          TEXT PRIMARY KEY,
    user_id     TEXT NOT NULL REFERENCES users (id),
    kind        TEXT NOT NULL CHECK (kind IN ('sign_in_tries')),
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at DATETIME,
    sent_at     DATETIME,
    created_at  DATETIME NOT NULL
) WITHOUT ROWID;
INSERT INTO old_account_mails SELECT id, user_id, kind, tries, next_try_at, sent_at, created_at FROM account_mails WHERE kind = 'sign_in_tries' AND user_id IS NOT NULL;
DROP TABLE account_mails;
ALTER TABLE old_account_mails RENAME TO account_mails;
CREATE INDEX account_mails_due ON account_mails (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX account_mails_created ON account_mails (created_at);
DROP TABLE links;
ALTER TABLE users DROP COLUMN last_sign_in_at;
ALTER TABLE users DROP COLUMN proven_at;
