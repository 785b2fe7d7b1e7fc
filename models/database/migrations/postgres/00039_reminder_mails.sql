-- +goose Up
-- Mails that remind a company of its step in a guided setup.
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check CHECK (kind IN ('reconnect_needed', 'works_again', 'upgrade_needed', 'setup_allow', 'setup_tenant'));

-- The record of the reminders that staff sent.
CREATE INDEX events_reminded ON events (id) WHERE kind IN ('reconnect_mailed', 'reminded');

-- +goose Down
DROP INDEX events_reminded;
DELETE FROM mails WHERE kind IN ('setup_allow', 'setup_tenant');
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check CHECK (kind IN ('reconnect_needed', 'works_again', 'upgrade_needed'));
