-- +goose Up
-- The token that a session had before it went on under the one that it has, so
-- that a sign-out with the old one ends it.
ALTER TABLE sessions ADD COLUMN previous TEXT;
CREATE INDEX sessions_previous ON sessions (previous) WHERE previous IS NOT NULL;

-- The account at their issuer that a staff member signs in with.
CREATE TABLE staff_identities (
    user_id   UUID PRIMARY KEY REFERENCES users (id),
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    pinned_at TIMESTAMPTZ NOT NULL,
    UNIQUE (issuer, subject)
);

-- What was done about staff and API keys. actor_id is null for the command line.
CREATE TABLE audit_records (
    id           UUID PRIMARY KEY,
    action       TEXT NOT NULL,
    actor_id     UUID REFERENCES users (id),
    actor_name   TEXT NOT NULL,
    target_id    UUID NOT NULL,
    detail       TEXT NOT NULL,
    support_code TEXT NOT NULL,
    at           TIMESTAMPTZ NOT NULL
);
CREATE INDEX audit_records_at ON audit_records (at);

-- Equal sign-ins and refusals of an hour (UTC, in the form 2006-01-02T15) are one
-- row. scope is "staff", a company's ID, or empty where nobody is known. subject
-- is a user's ID, or a keyed hash of an email that nobody has.
CREATE TABLE sign_ins (
    hour         TEXT NOT NULL,
    scope        TEXT NOT NULL,
    subject      TEXT NOT NULL,
    action       TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    address      TEXT NOT NULL,
    n            BIGINT NOT NULL,
    support_code TEXT NOT NULL,
    first_at     TIMESTAMPTZ NOT NULL,
    last_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (hour, scope, subject, action, outcome, address)
);
CREATE INDEX sign_ins_scope ON sign_ins (scope, last_at);

-- The key of the hashes that stand for emails, so that whoever has only the log
-- cannot try out emails. It is random, and the same for all instances.
CREATE TABLE log_key (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    key BYTEA NOT NULL
);
INSERT INTO log_key (id, key) VALUES (1, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- The tokens that were read with an API key, those of an hour in one row. They are
-- written a little later than they were read, when a demo may have begun again, so
-- the rows refer to nothing.
CREATE TABLE token_reads (
    connection_id UUID NOT NULL,
    hour          TEXT NOT NULL,
    key_id        UUID NOT NULL,
    address       TEXT NOT NULL,
    n             BIGINT NOT NULL,
    first_at      TIMESTAMPTZ NOT NULL,
    last_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection_id, hour, key_id, address)
);
CREATE INDEX token_reads_hour ON token_reads (hour);

-- How often a key that exists was refused, and from where it came last.
ALTER TABLE api_keys ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN refused_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN refused_address TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE api_keys DROP COLUMN refused_address;
ALTER TABLE api_keys DROP COLUMN refused_at;
ALTER TABLE api_keys DROP COLUMN refused;
DROP TABLE token_reads;
DROP TABLE log_key;
DROP TABLE sign_ins;
DROP TABLE audit_records;
DROP TABLE staff_identities;
DROP INDEX sessions_previous;
ALTER TABLE sessions DROP COLUMN previous;
