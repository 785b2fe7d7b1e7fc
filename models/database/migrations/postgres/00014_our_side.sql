-- +goose Up
-- A kind of task that ends by itself, and its cause.
ALTER TABLE staff_tasks DROP CONSTRAINT staff_tasks_kind_check;
ALTER TABLE staff_tasks ADD CONSTRAINT staff_tasks_kind_check CHECK (kind IN ('delete_secret', 'remove_tenant', 'tenant_conflict', 'our_side'));
ALTER TABLE staff_tasks ADD COLUMN cause TEXT NOT NULL DEFAULT '';

-- +goose Down
DELETE FROM staff_tasks WHERE kind = 'our_side';
ALTER TABLE staff_tasks DROP COLUMN cause;
ALTER TABLE staff_tasks DROP CONSTRAINT staff_tasks_kind_check;
ALTER TABLE staff_tasks ADD CONSTRAINT staff_tasks_kind_check CHECK (kind IN ('delete_secret', 'remove_tenant', 'tenant_conflict'));
