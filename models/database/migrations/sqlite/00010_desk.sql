-- +goose Up
-- What our staff wrote down. connection_id is null for what is about the company.
CREATE TABLE notes (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT REFERENCES connections (id),
    staff_id      TEXT NOT NULL REFERENCES users (id),
    staff_name    TEXT NOT NULL,
    text          TEXT NOT NULL,
    created_at    DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX notes_connection ON notes (connection_id, id);
CREATE INDEX notes_company ON notes (company_id, id);

-- A locked company's people and programs are kept out.
ALTER TABLE companies ADD COLUMN locked_at DATETIME;
ALTER TABLE companies ADD COLUMN locked_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE companies ADD COLUMN lock_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX companies_locked ON companies (id) WHERE locked_at IS NOT NULL;

CREATE INDEX events_company ON events (company_id, id) WHERE connection_id IS NULL;
CREATE INDEX events_viewed ON events (connection_id, id) WHERE kind = 'staff_viewed';
CREATE INDEX api_keys_company ON api_keys (company_id, id);

-- +goose Down
DROP INDEX api_keys_company;
DROP INDEX events_viewed;
DROP INDEX events_company;
DROP INDEX companies_locked;
ALTER TABLE companies DROP COLUMN lock_reason;
ALTER TABLE companies DROP COLUMN locked_by_name;
ALTER TABLE companies DROP COLUMN locked_at;
DROP TABLE notes;
