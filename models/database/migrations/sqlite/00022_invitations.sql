-- +goose Up
-- Invitations to a company. An invitation is open until it expires, is accepted, or
-- is withdrawn. Its links are in the table links.
CREATE TABLE invitations (
    id           TEXT PRIMARY KEY,
    company_id   TEXT NOT NULL REFERENCES companies (id),
    email        TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    invited_by   TEXT NOT NULL REFERENCES users (id),
    created_at   DATETIME NOT NULL,
    sent_at      DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    accepted_at  DATETIME,
    withdrawn_at DATETIME
) WITHOUT ROWID;
CREATE UNIQUE INDEX invitations_waiting ON invitations (company_id, email) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_inviter ON invitations (invited_by);

-- When the person last chose the company. A sign-in leads to the company used last.
ALTER TABLE memberships ADD COLUMN used_at DATETIME;

-- +goose Down
ALTER TABLE memberships DROP COLUMN used_at;
DROP TABLE invitations;
