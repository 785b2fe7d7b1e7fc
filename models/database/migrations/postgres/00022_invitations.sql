-- +goose Up
-- Invitations to a company. An invitation is open until it expires, is accepted, or
-- is withdrawn. Its links are in the table links.
CREATE TABLE invitations (
    id           UUID PRIMARY KEY,
    company_id   UUID NOT NULL REFERENCES companies (id),
    email        TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    invited_by   UUID NOT NULL REFERENCES users (id),
    created_at   TIMESTAMPTZ NOT NULL,
    sent_at      TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    accepted_at  TIMESTAMPTZ,
    withdrawn_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX invitations_waiting ON invitations (company_id, email) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_inviter ON invitations (invited_by);

-- When the person last chose the company. A sign-in leads to the company used last.
ALTER TABLE memberships ADD COLUMN used_at TIMESTAMPTZ;

-- +goose Down
ALTER TABLE memberships DROP COLUMN used_at;
DROP TABLE invitations;
