-- +goose Up
-- The times in which an endpoint of an environment failed for many connections. kinds
-- counts the connections by error, and samples has the size over time, both as JSON. The
-- unique index keeps two instances from beginning the same outage.
CREATE TABLE outages (
    id          UUID PRIMARY KEY,
    environment TEXT NOT NULL,
    endpoint    TEXT NOT NULL CHECK (endpoint IN ('tokens', 'api')),
    began_at    TIMESTAMPTZ NOT NULL,
    seen_at     TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ,
    tenants     BIGINT NOT NULL,
    failing     BIGINT NOT NULL,
    peak        BIGINT NOT NULL,
    kinds       TEXT NOT NULL,
    samples     TEXT NOT NULL,
    tried_at    TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX outages_open ON outages (environment, endpoint) WHERE ended_at IS NULL;
CREATE INDEX outages_began ON outages (began_at);
CREATE INDEX outages_ended ON outages (ended_at);

-- Instances share their latest results here. A crash may empty the table: nobody reads
-- what is older than a minute.
CREATE UNLOGGED TABLE outage_results (
    instance    UUID NOT NULL,
    environment TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    at          TIMESTAMPTZ NOT NULL,
    results     BYTEA NOT NULL,
    PRIMARY KEY (instance, environment, endpoint, at)
);

-- +goose Down
DROP TABLE outage_results;
DROP TABLE outages;
