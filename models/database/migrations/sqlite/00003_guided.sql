-- +goose Up
-- A set-up that is under way proves nothing yet, so it holds no tenant.
DROP INDEX connections_tenant;
CREATE UNIQUE INDEX connections_tenant ON connections (environment, tenant_id) WHERE state NOT IN ('disconnected', 'pending');

CREATE TABLE setups (
    id                TEXT PRIMARY KEY,
    connection_id     TEXT NOT NULL REFERENCES connections (id),
    company_id        TEXT NOT NULL REFERENCES companies (id),
    environment       TEXT NOT NULL,
    tenant_id         INTEGER NOT NULL CHECK (tenant_id > 0),
    step              TEXT NOT NULL CHECK (step IN ('add_tenant', 'allow_access', 'enter_credentials', 'checked')),
    waits_for         TEXT NOT NULL CHECK (waits_for IN ('us', 'company', '')),
    since             DATETIME NOT NULL,
    problem           TEXT NOT NULL DEFAULT '',
    requested_by_name TEXT NOT NULL,
    requested_at      DATETIME NOT NULL,
    tenant_added_at   DATETIME,
    allowed_by_name   TEXT NOT NULL DEFAULT '',
    allowed_at        DATETIME,
    closed_at         DATETIME
) WITHOUT ROWID;
-- One at a time for a connection.
CREATE UNIQUE INDEX setups_open ON setups (connection_id) WHERE closed_at IS NULL;
CREATE INDEX setups_queue ON setups (waits_for, since, id) WHERE closed_at IS NULL;
CREATE INDEX setups_connection ON setups (connection_id, id);

CREATE TABLE staff_tasks (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('delete_secret', 'remove_tenant', 'tenant_conflict')),
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    created_at    DATETIME NOT NULL,
    done_at       DATETIME,
    done_by_name  TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX staff_tasks_open ON staff_tasks (id) WHERE done_at IS NULL;
CREATE INDEX staff_tasks_connection ON staff_tasks (connection_id, id);

-- A set-up is open; kept here so that the connection's page need not look for it.
ALTER TABLE connections ADD COLUMN setting_up INTEGER NOT NULL DEFAULT 0;
-- The access lacks something that we need, until an admin upgrades the app.
ALTER TABLE connections ADD COLUMN upgrade_needed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX connections_upgrade ON connections (id) WHERE upgrade_needed;

ALTER TABLE users ADD COLUMN staff_role TEXT NOT NULL DEFAULT '' CHECK (staff_role IN ('', 'support', 'admin'));
ALTER TABLE users ADD COLUMN setup_hash BLOB;
ALTER TABLE users ADD COLUMN setup_until DATETIME;
CREATE UNIQUE INDEX users_setup ON users (setup_hash) WHERE setup_hash IS NOT NULL;
CREATE INDEX users_staff ON users (email) WHERE staff_role <> '';

ALTER TABLE sessions ADD COLUMN staff INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN staff_name TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE events DROP COLUMN staff_name;
ALTER TABLE sessions DROP COLUMN staff;
DROP INDEX users_staff;
DROP INDEX users_setup;
ALTER TABLE users DROP COLUMN setup_until;
ALTER TABLE users DROP COLUMN setup_hash;
ALTER TABLE users DROP COLUMN staff_role;
DROP INDEX connections_upgrade;
ALTER TABLE connections DROP COLUMN setting_up;
ALTER TABLE connections DROP COLUMN upgrade_needed;
DROP TABLE staff_tasks;
DROP TABLE setups;
DROP INDEX connections_tenant;
CREATE UNIQUE INDEX connections_tenant ON connections (environment, tenant_id) WHERE state <> 'disconnected';
