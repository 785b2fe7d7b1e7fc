-- +goose Up
-- Who works on an item of the queue, and until when it is put off. An item is an open setup
-- or task, or a connection whose secret or version needs something, as source says. version
-- counts the changes, so that the second of two people sees what the first one did.
CREATE TABLE queue_marks (
    source        TEXT NOT NULL CHECK (source IN ('setup', 'task', 'secret', 'upgrade')),
    item_id       TEXT NOT NULL,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    version       INTEGER NOT NULL,
    assignee_id   TEXT,
    snoozed_at    DATETIME,
    snoozed_until DATETIME,
    snooze_reason TEXT NOT NULL DEFAULT '',
    change        TEXT NOT NULL CHECK (change IN ('taken', 'given', 'released', 'snoozed', 'woken')),
    changed_by_id TEXT NOT NULL,
    changed_at    DATETIME NOT NULL,
    PRIMARY KEY (source, item_id)
) WITHOUT ROWID;
CREATE INDEX queue_marks_assignee ON queue_marks (assignee_id, source, item_id) WHERE assignee_id IS NOT NULL;
CREATE INDEX queue_marks_snoozed ON queue_marks (source, item_id) WHERE snoozed_until IS NOT NULL;
CREATE INDEX queue_marks_company ON queue_marks (company_id);
CREATE INDEX queue_marks_changed ON queue_marks (changed_at);

-- Each kind of task in the order in which it is due.
CREATE INDEX staff_tasks_queue ON staff_tasks (kind, created_at, id) WHERE done_at IS NULL;

-- The filters that a staff member saved under a name, for the list of connections and for
-- the queue. query is that of the page's address.
CREATE TABLE saved_views (
    id         TEXT PRIMARY KEY,
    staff_id   TEXT NOT NULL REFERENCES users (id),
    page       TEXT NOT NULL CHECK (page IN ('connections', 'queue')),
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,
    created_at DATETIME NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX saved_views_name ON saved_views (staff_id, page, name);

-- Older programs know neither table, and may go on during a rolling upgrade.
INSERT INTO schema_compatibility VALUES (40, 39);

-- +goose Down
DELETE FROM schema_compatibility WHERE version = 40;
DROP TABLE saved_views;
DROP INDEX staff_tasks_queue;
DROP TABLE queue_marks;
