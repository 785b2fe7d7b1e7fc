-- +goose Up
-- When each tenant was last called, so that all instances together keep to
-- ServiceTitan's limit. taken has the times of the latest calls, oldest first. Until
-- closed_until, nobody calls, because ServiceTitan asked to wait. A crash may empty the
-- table: it knows nothing that counts for longer than that.
CREATE UNLOGGED TABLE call_budgets (
    environment  TEXT NOT NULL,
    tenant_id    BIGINT NOT NULL,
    taken        TIMESTAMPTZ[] NOT NULL,
    closed_until TIMESTAMPTZ,
    used_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (environment, tenant_id)
) WITH (fillfactor = 50);

-- How many calls of a connection were passed on to ServiceTitan in an hour, and how
-- many were not, because its tenant's budget was used up. The counts are written a
-- little later than the calls were made, when a demo may have begun again, so the rows
-- refer to nothing.
CREATE TABLE call_hours (
    connection_id UUID NOT NULL,
    hour          TEXT NOT NULL,
    n             BIGINT NOT NULL,
    refused       BIGINT NOT NULL,
    last_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection_id, hour)
);
CREATE INDEX call_hours_hour ON call_hours (hour);

-- +goose Down
DROP TABLE call_hours;
DROP TABLE call_budgets;
