-- +goose Up
CREATE TABLE companies (
    id         UUID PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    id            UUID PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    session_epoch INTEGER NOT NULL DEFAULT 0,
    disabled_at   TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL
);

CREATE TABLE memberships (
    company_id UUID NOT NULL REFERENCES companies (id),
    user_id    UUID NOT NULL REFERENCES users (id),
    role       TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (company_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

-- token is the SHA-256 of what the browser holds.
CREATE TABLE sessions (
    token      TEXT PRIMARY KEY,
    data       BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE throttles (
    key      TEXT PRIMARY KEY,
    n        INTEGER NOT NULL,
    reset_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX throttles_reset ON throttles (reset_at);

CREATE TABLE connections (
    id                UUID PRIMARY KEY,
    company_id        UUID NOT NULL REFERENCES companies (id),
    environment       TEXT NOT NULL,
    tenant_id         BIGINT NOT NULL CHECK (tenant_id > 0),
    tenant_name       TEXT NOT NULL,
    business_units    INTEGER NOT NULL,
    way               TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('pending', 'connected', 'degraded', 'reconnect_needed', 'disconnected')),
    reason            TEXT NOT NULL DEFAULT '',
    scopes            TEXT NOT NULL,
    generation        BIGINT NOT NULL,
    connected_by_name TEXT NOT NULL,
    connected_at      TIMESTAMPTZ NOT NULL,
    renewed_at        TIMESTAMPTZ NOT NULL,
    expires_at        TIMESTAMPTZ NOT NULL,
    next_renewal_at   TIMESTAMPTZ,
    failing_since     TIMESTAMPTZ,
    tested_at         TIMESTAMPTZ,
    test_passed       BOOLEAN NOT NULL DEFAULT false,
    test_millis       BIGINT NOT NULL DEFAULT 0,
    disconnected_at   TIMESTAMPTZ,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    UNIQUE (company_id, environment, tenant_id)
);
-- A tenant belongs to one company at a time.
CREATE UNIQUE INDEX connections_tenant ON connections (environment, tenant_id) WHERE state <> 'disconnected';

-- Whatever is not sealed is refused: a sealed value begins with the byte 1.
CREATE TABLE credentials (
    connection_id  UUID PRIMARY KEY REFERENCES connections (id),
    company_id     UUID NOT NULL REFERENCES companies (id),
    access_sealed  BYTEA NOT NULL CHECK (get_byte(access_sealed, 0) = 1),
    refresh_sealed BYTEA CHECK (get_byte(refresh_sealed, 0) = 1),
    expires_at     TIMESTAMPTZ NOT NULL,
    generation     BIGINT NOT NULL,
    lease_owner    TEXT NOT NULL DEFAULT '',
    lease_until    TIMESTAMPTZ
);

CREATE TABLE authorizations (
    state_hash      BYTEA PRIMARY KEY,
    binding_hash    BYTEA NOT NULL,
    company_id      UUID NOT NULL REFERENCES companies (id),
    user_id         UUID NOT NULL REFERENCES users (id),
    environment     TEXT NOT NULL,
    tenant_id       BIGINT NOT NULL,
    way             TEXT NOT NULL,
    purpose         TEXT NOT NULL CHECK (purpose IN ('connect', 'reconnect')),
    connection_id   UUID REFERENCES connections (id),
    verifier_sealed BYTEA NOT NULL CHECK (get_byte(verifier_sealed, 0) = 1),
    created_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    claimed_at      TIMESTAMPTZ,
    finished_at     TIMESTAMPTZ,
    outcome         TEXT NOT NULL DEFAULT '',
    found_tenant_id BIGINT NOT NULL DEFAULT 0,
    retry_at        TIMESTAMPTZ
);
CREATE INDEX authorizations_binding ON authorizations (binding_hash, created_at);
CREATE INDEX authorizations_expires ON authorizations (expires_at);

CREATE TABLE events (
    id            UUID PRIMARY KEY,
    company_id    UUID NOT NULL REFERENCES companies (id),
    connection_id UUID REFERENCES connections (id),
    kind          TEXT NOT NULL,
    actor_name    TEXT NOT NULL DEFAULT '',
    reason        TEXT NOT NULL DEFAULT '',
    outcome       TEXT NOT NULL DEFAULT '',
    millis        BIGINT NOT NULL DEFAULT 0,
    support_code  TEXT NOT NULL DEFAULT '',
    at            TIMESTAMPTZ NOT NULL
);
-- connection_id is null for what happened to the company before there was one.
CREATE INDEX events_connection ON events (connection_id, id);

CREATE TABLE key_canary (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL CHECK (get_byte(sealed, 0) = 1)
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
