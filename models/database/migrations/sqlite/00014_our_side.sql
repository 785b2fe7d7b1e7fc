-- +goose Up
-- A kind of task that ends by itself, and its cause. SQLite cannot change a
-- CHECK, so the table is made anew. Nothing refers to it.
CREATE TABLE new_staff_tasks (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('delete_secret', 'remove_tenant', 'tenant_conflict', 'our_side')),
    cause         TEXT NOT NULL DEFAULT '',
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    created_at    DATETIME NOT NULL,
    done_at       DATETIME,
    done_by_name  TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO new_staff_tasks (id, kind, company_id, connection_id, created_at, done_at, done_by_name)
SELECT id, kind, company_id, connection_id, created_at, done_at, done_by_name FROM staff_tasks;
DROP TABLE staff_tasks;
ALTER TABLE new_staff_tasks RENAME TO staff_tasks;
CREATE INDEX staff_tasks_open ON staff_tasks (id) WHERE done_at IS NULL;
CREATE INDEX staff_tasks_connection ON staff_tasks (connection_id, id);

-- +goose Down
CREATE TABLE old_staff_tasks (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('delete_secret', 'remove_tenant', 'tenant_conflict')),
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    created_at    DATETIME NOT NULL,
    done_at       DATETIME,
    done_by_name  TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO old_staff_tasks SELECT id, kind, company_id, connection_id, created_at, done_at, done_by_name FROM staff_tasks WHERE kind <> 'our_side';
DROP TABLE staff_tasks;
ALTER TABLE old_staff_tasks RENAME TO staff_tasks;
CREATE INDEX staff_tasks_open ON staff_tasks (id) WHERE done_at IS NULL;
CREATE INDEX staff_tasks_connection ON staff_tasks (connection_id, id);
