-- +goose Up
-- When the person proved that they receive mail at their address. Staff addresses
-- are vouched for by whoever adds them. Members from before this version prove
-- theirs once; until then they get no other mail.
ALTER TABLE users ADD COLUMN proven_at TIMESTAMPTZ;
ALTER TABLE users ADD COLUMN last_sign_in_at TIMESTAMPTZ;
UPDATE users SET proven_at = created_at WHERE staff_role <> '';

-- One-time links. Only the hash of a link's secret is here. email is the address
-- that the link was made for, and subject_id is what it acts on, such as an
-- invitation.
CREATE TABLE links (
    id          UUID PRIMARY KEY,
    purpose     TEXT NOT NULL,
    secret_hash BYTEA NOT NULL UNIQUE,
    email       TEXT NOT NULL,
    user_id     UUID REFERENCES users (id),
    subject_id  UUID,
    created_at  TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    used_at     TIMESTAMPTZ
);
CREATE INDEX links_expires ON links (expires_at);
CREATE INDEX links_email ON links (email, purpose);
CREATE INDEX links_user ON links (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX links_subject ON links (subject_id) WHERE subject_id IS NOT NULL;

-- A mail about an account may go to an address that has no account. Its links are
-- made when it is sent, so no secret waits here.
ALTER TABLE account_mails DROP CONSTRAINT account_mails_kind_check;
ALTER TABLE account_mails ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE account_mails ADD COLUMN recipient TEXT NOT NULL DEFAULT '';
ALTER TABLE account_mails ADD COLUMN company_id UUID;
ALTER TABLE account_mails ADD COLUMN subject_id UUID;
ALTER TABLE account_mails ADD COLUMN detail TEXT NOT NULL DEFAULT '';
UPDATE account_mails SET recipient = (SELECT email FROM users u WHERE u.id = user_id);

-- The company in which something was done, or null for what only concerns staff.
ALTER TABLE audit_records ADD COLUMN company_id UUID;
CREATE INDEX audit_records_company ON audit_records (company_id, id) WHERE company_id IS NOT NULL;

-- +goose Down
DROP INDEX audit_records_company;
ALTER TABLE audit_records DROP COLUMN company_id;
DELETE FROM account_mails WHERE kind <> 'sign_in_tries' OR user_id IS NULL;
ALTER TABLE account_mails DROP COLUMN detail;
ALTER TABLE account_mails DROP COLUMN subject_id;
ALTER TABLE account_mails DROP COLUMN company_id;
ALTER TABLE account_mails DROP COLUMN recipient;
ALTER TABLE account_mails ALTER COLUMN user_id SET NOT NULL;
ALTER TABLE account_mails ADD CONSTRAINT account_mails_kind_check CHECK (kind IN ('sign_in_tries'));
DROP TABLE links;
ALTER TABLE users DROP COLUMN last_sign_in_at;
ALTER TABLE users DROP COLUMN proven_at;
