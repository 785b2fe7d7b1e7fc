-- +goose Up
-- The zone in which the company's people see times, by its IANA name.
ALTER TABLE companies ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
-- When the company will be deleted, and which owner asked for it. deleted_at is
-- when the deletion began, after which nobody can undo it. Once all is deleted,
-- deletion_at is null again.
ALTER TABLE companies ADD COLUMN deletion_at TIMESTAMPTZ;
ALTER TABLE companies ADD COLUMN deletion_by_id UUID;
ALTER TABLE companies ADD COLUMN deleted_at TIMESTAMPTZ;
CREATE INDEX companies_deletion ON companies (deletion_at) WHERE deletion_at IS NOT NULL;

-- Whether the person gets mails about incidents. Null is what the role says:
-- owners get them, and members do not.
ALTER TABLE memberships ADD COLUMN incident_mails BOOLEAN;

-- What people did to a company's connections, for its activity, and what has to be
-- taken out of events when a company is deleted.
CREATE INDEX events_people ON events (company_id, id) WHERE actor_name <> '' OR detail <> '';

-- The mails about accounts that go with a person or a company that is deleted.
CREATE INDEX account_mails_of_user ON account_mails (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX account_mails_of_company ON account_mails (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX account_mails_of_recipient ON account_mails (recipient);
-- The invitations and asks of a company, open or not.
CREATE INDEX invitations_of_company ON invitations (company_id);
CREATE INDEX asks_of_company ON asks (company_id);

-- +goose Down
DROP INDEX asks_of_company;
DROP INDEX invitations_of_company;
DROP INDEX account_mails_of_recipient;
DROP INDEX account_mails_of_company;
DROP INDEX account_mails_of_user;
DROP INDEX events_people;
ALTER TABLE memberships DROP COLUMN incident_mails;
DROP INDEX companies_deletion;
ALTER TABLE companies DROP COLUMN deleted_at;
ALTER TABLE companies DROP COLUMN deletion_by_id;
ALTER TABLE companies DROP COLUMN deletion_at;
ALTER TABLE companies DROP COLUMN time_zone;
