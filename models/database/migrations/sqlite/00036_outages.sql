-- +goose Up
-- The times in which an endpoint of an environment failed for many connections. kinds
-- counts the connections by error, and samples has the size over time, both as JSON. The
-- unique index keeps two instances from beginning the same outage.
CREATE TABLE outages (
    id          TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    endpoint    TEXT NOT NULL CHECK (endpoint IN ('tokens', 'api')),
    began_at    DATETIME NOT NULL,
    seen_at     DATETIME NOT NULL,
    ended_at    DATETIME,
    tenants     INTEGER NOT NULL,
    failing     INTEGER NOT NULL,
    peak        INTEGER NOT NULL,
    kinds       TEXT NOT NULL,
    samples     TEXT NOT NULL,
    tried_at    DATETIME NOT NULL,
    updated_at  DATETIME NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX outages_open ON outages (environment, endpoint) WHERE ended_at IS NULL;
CREATE INDEX outages_began ON outages (began_at);
CREATE INDEX outages_ended ON outages (ended_at);

-- On PostgreSQL, instances share their latest results here. On SQLite, there is one
-- process, and the table stays empty.
CREATE TABLE outage_results (
    instance    TEXT NOT NULL,
    environment TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    at          DATETIME NOT NULL,
    results     BLOB NOT NULL,
    PRIMARY KEY (instance, environment, endpoint, at)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE outage_results;
DROP TABLE outages;
