-- +goose Up
-- What a back end asked somebody to do in ServiceTitan, by a link. The link is in
-- links, and subject_id there is the session. key_id is the back end's key, and
-- caller_name and return_url are what they were when the session was made. The person
-- chooses what is empty or 0. binding_hash is the hash of the value that the browser
-- has in which the person went on, or null.
CREATE TABLE connect_sessions (
    id            UUID PRIMARY KEY,
    key_id        UUID NOT NULL REFERENCES api_keys (id),
    company_id    UUID NOT NULL REFERENCES companies (id),
    reference     TEXT NOT NULL,
    caller_name   TEXT NOT NULL,
    return_url    TEXT NOT NULL,
    environment   TEXT NOT NULL DEFAULT '',
    ways          TEXT NOT NULL,
    tenant_id     BIGINT NOT NULL DEFAULT 0,
    connection_id UUID REFERENCES connections (id),
    metadata      TEXT NOT NULL DEFAULT '{}',
    binding_hash  BYTEA UNIQUE,
    status        TEXT NOT NULL CHECK (status IN ('created', 'opened', 'connected', 'setup_requested', 'canceled', 'expired')),
    last_outcome  TEXT NOT NULL DEFAULT '',
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    opened_at     TIMESTAMPTZ,
    finished_at   TIMESTAMPTZ,
    CHECK ((finished_at IS NULL) = (status IN ('created', 'opened')))
);
CREATE INDEX connect_sessions_open ON connect_sessions (expires_at) WHERE status IN ('created', 'opened');
CREATE INDEX connect_sessions_open_of_key ON connect_sessions (key_id) WHERE status IN ('created', 'opened');
CREATE INDEX connect_sessions_waiting ON connect_sessions (connection_id) WHERE status = 'setup_requested';
CREATE INDEX connect_sessions_expires ON connect_sessions (expires_at);
CREATE INDEX connect_sessions_of_company ON connect_sessions (company_id);

-- An authorization that began through a connect session belongs to no user.
ALTER TABLE authorizations ADD COLUMN session_id UUID;
ALTER TABLE authorizations ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE authorizations ADD CONSTRAINT authorizations_of_somebody CHECK ((user_id IS NULL) = (session_id IS NOT NULL));

-- Staff and operators invite the first owner of a company that a back end has made. No
-- person of the company has sent such an invitation.
ALTER TABLE invitations ALTER COLUMN invited_by DROP NOT NULL;

-- +goose Down
DELETE FROM links WHERE subject_id IN (SELECT id FROM invitations WHERE invited_by IS NULL);
DELETE FROM invitations WHERE invited_by IS NULL;
ALTER TABLE invitations ALTER COLUMN invited_by SET NOT NULL;
DELETE FROM authorizations WHERE session_id IS NOT NULL;
ALTER TABLE authorizations DROP CONSTRAINT authorizations_of_somebody;
ALTER TABLE authorizations ALTER COLUMN user_id SET NOT NULL;
ALTER TABLE authorizations DROP COLUMN session_id;
DELETE FROM links WHERE purpose = 'connect_session';
DROP TABLE connect_sessions;
