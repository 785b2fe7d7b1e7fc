-- +goose Up
CREATE TABLE companies (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at DATETIME NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    session_epoch INTEGER NOT NULL DEFAULT 0,
    disabled_at   DATETIME,
    created_at    DATETIME NOT NULL
) WITHOUT ROWID;

CREATE TABLE memberships (
    company_id TEXT NOT NULL REFERENCES companies (id),
    user_id    TEXT NOT NULL REFERENCES users (id),
    role       TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    created_at DATETIME NOT NULL,
    PRIMARY KEY (company_id, user_id)
) WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (user_id);

-- token is the SHA-256 of what the browser holds.
CREATE TABLE sessions (
    token      TEXT PRIMARY KEY,
    data       BLOB NOT NULL,
    expires_at DATETIME NOT NULL,
    seen_at    DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE throttles (
    key      TEXT PRIMARY KEY,
    n        INTEGER NOT NULL,
    reset_at DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX throttles_reset ON throttles (reset_at);

CREATE TABLE connections (
    id                TEXT PRIMARY KEY,
    company_id        TEXT NOT NULL REFERENCES companies (id),
    environment       TEXT NOT NULL,
    tenant_id         INTEGER NOT NULL CHECK (tenant_id > 0),
    tenant_name       TEXT NOT NULL,
    business_units    INTEGER NOT NULL,
    way               TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('pending', 'connected', 'degraded', 'reconnect_needed', 'disconnected')),
    reason            TEXT NOT NULL DEFAULT '',
    scopes            TEXT NOT NULL,
    generation        INTEGER NOT NULL,
    connected_by_name TEXT NOT NULL,
    connected_at      DATETIME NOT NULL,
    renewed_at        DATETIME NOT NULL,
    expires_at        DATETIME NOT NULL,
    next_renewal_at   DATETIME,
    failing_since     DATETIME,
    tested_at         DATETIME,
    test_passed       INTEGER NOT NULL DEFAULT 0,
    test_millis       INTEGER NOT NULL DEFAULT 0,
    disconnected_at   DATETIME,
    created_at        DATETIME NOT NULL,
    updated_at        DATETIME NOT NULL,
    UNIQUE (company_id, environment, tenant_id)
) WITHOUT ROWID;
-- A tenant belongs to one company at a time.
CREATE UNIQUE INDEX connections_tenant ON connections (environment, tenant_id) WHERE state <> 'disconnected';

-- Whatever is not sealed is refused: a sealed value begins with the byte 1.
CREATE TABLE credentials (
    connection_id  TEXT PRIMARY KEY REFERENCES connections (id),
    company_id     TEXT NOT NULL REFERENCES companies (id),
    access_sealed  BLOB NOT NULL CHECK (typeof(access_sealed) = 'blob' AND hex(substr(access_sealed, 1, 1)) = '01'),
    refresh_sealed BLOB CHECK (refresh_sealed IS NULL OR (typeof(refresh_sealed) = 'blob' AND hex(substr(refresh_sealed, 1, 1)) = '01')),
    expires_at     DATETIME NOT NULL,
    generation     INTEGER NOT NULL,
    lease_owner    TEXT NOT NULL DEFAULT '',
    lease_until    DATETIME
) WITHOUT ROWID;

CREATE TABLE authorizations (
    state_hash      BLOB PRIMARY KEY,
    binding_hash    BLOB NOT NULL,
    company_id      TEXT NOT NULL REFERENCES companies (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    environment     TEXT NOT NULL,
    tenant_id       INTEGER NOT NULL,
    way             TEXT NOT NULL,
    purpose         TEXT NOT NULL CHECK (purpose IN ('connect', 'reconnect')),
    connection_id   TEXT REFERENCES connections (id),
    verifier_sealed BLOB NOT NULL CHECK (typeof(verifier_sealed) = 'blob' AND hex(substr(verifier_sealed, 1, 1)) = '01'),
    created_at      DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    claimed_at      DATETIME,
    finished_at     DATETIME,
    outcome         TEXT NOT NULL DEFAULT '',
    found_tenant_id INTEGER NOT NULL DEFAULT 0,
    retry_at        DATETIME
) WITHOUT ROWID;
CREATE INDEX authorizations_binding ON authorizations (binding_hash, created_at);
CREATE INDEX authorizations_expires ON authorizations (expires_at);

CREATE TABLE events (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id),
    connection_id TEXT REFERENCES connections (id),
    kind          TEXT NOT NULL,
    actor_name    TEXT NOT NULL DEFAULT '',
    reason        TEXT NOT NULL DEFAULT '',
    outcome       TEXT NOT NULL DEFAULT '',
    millis        INTEGER NOT NULL DEFAULT 0,
    support_code  TEXT NOT NULL DEFAULT '',
    at            DATETIME NOT NULL
) WITHOUT ROWID;
-- connection_id is null for what happened to the company before there was one.
CREATE INDEX events_connection ON events (connection_id, id);

CREATE TABLE key_canary (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL CHECK (typeof(sealed) = 'blob' AND hex(substr(sealed, 1, 1)) = '01')
);

-- +goose Down
DROP TABLE key_canary;
DROP TABLE events;
DROP TABLE authorizations;
DROP TABLE credentials;
DROP TABLE connections;
DROP TABLE throttles;
DROP TABLE sessions;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE companies;
