-- +goose Up
-- On PostgreSQL, this table is how instances share the budget of a tenant. On SQLite,
-- there is one process, which keeps it in memory, and the table stays empty.
CREATE TABLE call_budgets (
    environment  TEXT NOT NULL,
    tenant_id    BIGINT NOT NULL,
    taken        TEXT NOT NULL,
    closed_until DATETIME,
    used_at      DATETIME NOT NULL,
    PRIMARY KEY (environment, tenant_id)
) WITHOUT ROWID;

-- How many calls of a connection were passed on to ServiceTitan in an hour, and how
-- many were not, because its tenant's budget was used up. The counts are written a
-- little later than the calls were made, when a demo may have begun again, so the rows
-- refer to nothing.
CREATE TABLE call_hours (
    connection_id TEXT NOT NULL,
    hour          TEXT NOT NULL,
    n             BIGINT NOT NULL,
    refused       BIGINT NOT NULL,
    last_at       DATETIME NOT NULL,
    PRIMARY KEY (connection_id, hour)
) WITHOUT ROWID;
CREATE INDEX call_hours_hour ON call_hours (hour);

-- +goose Down
DROP TABLE call_hours;
DROP TABLE call_budgets;
