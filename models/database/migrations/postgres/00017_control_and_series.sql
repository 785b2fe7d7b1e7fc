-- +goose Up
-- Who of the tenant confirmed that the company may connect it, how they were
-- reached, and who of staff recorded it. proven_at is null until then.
ALTER TABLE setups ADD COLUMN proven_name TEXT NOT NULL DEFAULT '';
ALTER TABLE setups ADD COLUMN proven_role TEXT NOT NULL DEFAULT '';
ALTER TABLE setups ADD COLUMN proven_channel TEXT NOT NULL DEFAULT '' CHECK (proven_channel IN ('', 'called_back', 'own_domain', 'screen'));
ALTER TABLE setups ADD COLUMN proven_contact TEXT NOT NULL DEFAULT '';
ALTER TABLE setups ADD COLUMN proven_reached_at TIMESTAMPTZ;
ALTER TABLE setups ADD COLUMN proven_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE setups ADD COLUMN proven_at TIMESTAMPTZ;
-- Staff confirmed it although other companies have a row for the tenant.
ALTER TABLE setups ADD COLUMN proven_despite BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX setups_closed ON setups (closed_at) WHERE closed_at IS NOT NULL;

-- One row stands for a series of equal events: how many came after the first, and when
-- that was. at is when the last was.
ALTER TABLE events ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN first_at TIMESTAMPTZ;
-- What an event says of itself beyond its kind, such as a person's name.
ALTER TABLE events ADD COLUMN detail TEXT NOT NULL DEFAULT '';

CREATE INDEX authorizations_user ON authorizations (user_id, created_at);
CREATE INDEX mails_settled ON mails (created_at) WHERE next_try_at IS NULL;
CREATE INDEX staff_tasks_done ON staff_tasks (done_at) WHERE done_at IS NOT NULL;

-- +goose Down
DROP INDEX staff_tasks_done;
DROP INDEX mails_settled;
DROP INDEX authorizations_user;
ALTER TABLE events DROP COLUMN detail;
ALTER TABLE events DROP COLUMN first_at;
ALTER TABLE events DROP COLUMN repeats;
DROP INDEX setups_closed;
ALTER TABLE setups DROP COLUMN proven_despite;
ALTER TABLE setups DROP COLUMN proven_at;
ALTER TABLE setups DROP COLUMN proven_by_name;
ALTER TABLE setups DROP COLUMN proven_reached_at;
ALTER TABLE setups DROP COLUMN proven_contact;
ALTER TABLE setups DROP COLUMN proven_channel;
ALTER TABLE setups DROP COLUMN proven_role;
ALTER TABLE setups DROP COLUMN proven_name;
