-- +goose Up
-- What a back end asked somebody to do in ServiceTitan, by a link. The link is in
-- links, and subject_id there is the session. key_id is the back end's key, and
-- caller_name and return_url are what they were when the session was made. The person
-- chooses what is empty or 0. binding_hash is the hash of the value that the browser
-- has in which the person went on, or null.
CREATE TABLE connect_sessions (
    id            TEXT PRIMARY KEY,
    key_id        TEXT NOT NULL REFERENCES api_keys (id),
    company_id    TEXT NOT NULL REFERENCES companies (id),
    reference     TEXT NOT NULL,
    caller_name   TEXT NOT NULL,
    return_url    TEXT NOT NULL,
    environment   TEXT NOT NULL DEFAULT '',
    ways          TEXT NOT NULL,
    tenant_id     INTEGER NOT NULL DEFAULT 0,
    connection_id TEXT REFERENCES connections (id),
    metadata      TEXT NOT NULL DEFAULT '{}',
    binding_hash  BLOB UNIQUE,
    status        TEXT NOT NULL CHECK (status IN ('created', 'opened', 'connected', 'setup_requested', 'canceled', 'expired')),
    last_outcome  TEXT NOT NULL DEFAULT '',
    created_at    DATETIME NOT NULL,
    expires_at    DATETIME NOT NULL,
    opened_at     DATETIME,
    finished_at   DATETIME,
    CHECK ((finished_at IS NULL) = (status IN ('created', 'opened')))
) WITHOUT ROWID;
CREATE INDEX connect_sessions_open ON connect_sessions (expires_at) WHERE status IN ('created', 'opened');
CREATE INDEX connect_sessions_open_of_key ON connect_sessions (key_id) WHERE status IN ('created', 'opened');
CREATE INDEX connect_sessions_waiting ON connect_sessions (connection_id) WHERE status = 'setup_requested';
CREATE INDEX connect_sessions_expires ON connect_sessions (expires_at);
CREATE INDEX connect_sessions_of_company ON connect_sessions (company_id);

-- An authorization that began through a connect session belongs to no user. SQLite
-- can only make a column nullable in a new table.
CREATE TABLE authorizations_of_anybody (
    state_hash      BLOB PRIMARY KEY,
    binding_hash    BLOB NOT NULL,
    company_id      TEXT NOT NULL REFERENCES companies (id),
    user_id         TEXT REFERENCES users (id),
    ask_id          TEXT,
    session_id      TEXT,
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
    retry_at        DATETIME,
    CHECK ((user_id IS NULL) = (session_id IS NOT NULL))
) WITHOUT ROWID;
INSERT INTO authorizations_of_anybody (state_hash, binding_hash, company_id, user_id, ask_id, environment, tenant_id, way, purpose, connection_id,
        verifier_sealed, created_at, expires_at, claimed_at, finished_at, outcome, found_tenant_id, retry_at)
    SELECT state_hash, binding_hash, company_id, user_id, ask_id, environment, tenant_id, way, purpose, connection_id,
        verifier_sealed, created_at, expires_at, claimed_at, finished_at, outcome, found_tenant_id, retry_at FROM authorizations;
DROP TABLE authorizations;
ALTER TABLE authorizations_of_anybody RENAME TO authorizations;
CREATE INDEX authorizations_binding ON authorizations (binding_hash, created_at);
CREATE INDEX authorizations_expires ON authorizations (expires_at);
CREATE INDEX authorizations_user ON authorizations (user_id, created_at);

-- Staff and operators invite the first owner of a company that a back end has made. No
-- person of the company has sent such an invitation.
CREATE TABLE invitations_by_anybody (
    id           TEXT PRIMARY KEY,
    company_id   TEXT NOT NULL REFERENCES companies (id),
    email        TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    invited_by   TEXT REFERENCES users (id),
    created_at   DATETIME NOT NULL,
    sent_at      DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    accepted_at  DATETIME,
    withdrawn_at DATETIME
) WITHOUT ROWID;
INSERT INTO invitations_by_anybody (id, company_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, withdrawn_at)
    SELECT id, company_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, withdrawn_at FROM invitations;
DROP TABLE invitations;
ALTER TABLE invitations_by_anybody RENAME TO invitations;
CREATE UNIQUE INDEX invitations_waiting ON invitations (company_id, email) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_inviter ON invitations (invited_by);
CREATE INDEX invitations_of_company ON invitations (company_id);

-- +goose Down
CREATE TABLE invitations_by_people (
    id           TEXT PRIMARY KEY,
    company_id   TEXT NOT NULL REFERENCES companies (id),
    email        TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    invited_by   TEXT NOT NULL REFERENCES users (id),
    created_at   DATETIME NOT NULL,
    sent_at      DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    accepted_at  DATETIME,
    withdrawn_at DATETIME
) WITHOUT ROWID;
INSERT INTO invitations_by_people (id, company_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, withdrawn_at)
    SELECT id, company_id, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, withdrawn_at FROM invitations WHERE invited_by IS NOT NULL;
DELETE FROM links WHERE subject_id IN (SELECT id FROM invitations WHERE invited_by IS NULL);
DROP TABLE invitations;
ALTER TABLE invitations_by_people RENAME TO invitations;
CREATE UNIQUE INDEX invitations_waiting ON invitations (company_id, email) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_inviter ON invitations (invited_by);
CREATE INDEX invitations_of_company ON invitations (company_id);
CREATE TABLE authorizations_of_users (
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
    retry_at        DATETIME,
    ask_id          TEXT
) WITHOUT ROWID;
INSERT INTO authorizations_of_users (state_hash, binding_hash, company_id, user_id, ask_id, environment, tenant_id, way, purpose, connection_id,
        verifier_sealed, created_at, expires_at, claimed_at, finished_at, outcome, found_tenant_id, retry_at)
    SELECT state_hash, binding_hash, company_id, user_id, ask_id, environment, tenant_id, way, purpose, connection_id,
        verifier_sealed, created_at, expires_at, claimed_at, finished_at, outcome, found_tenant_id, retry_at FROM authorizations WHERE user_id IS NOT NULL;
DROP TABLE authorizations;
ALTER TABLE authorizations_of_users RENAME TO authorizations;
CREATE INDEX authorizations_binding ON authorizations (binding_hash, created_at);
CREATE INDEX authorizations_expires ON authorizations (expires_at);
CREATE INDEX authorizations_user ON authorizations (user_id, created_at);
DELETE FROM links WHERE purpose = 'connect_session';
DROP TABLE connect_sessions;
