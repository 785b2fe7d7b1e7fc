-- +goose Up
-- When what back ends see of a connection last changed, apart from renewals. The
-- triggers below keep it.
ALTER TABLE connections ADD COLUMN changed_at TIMESTAMPTZ NOT NULL DEFAULT '2000-01-01';
UPDATE connections SET changed_at = updated_at;
-- +goose StatementBegin
CREATE FUNCTION connection_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at = NEW.updated_at;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER connections_first_seen BEFORE INSERT ON connections FOR EACH ROW EXECUTE FUNCTION connection_changed();
CREATE TRIGGER connections_changed BEFORE UPDATE OF state, reason, upgrade_needed, scopes, tenant_name ON connections FOR EACH ROW
    WHEN ((OLD.state, OLD.reason, OLD.upgrade_needed, OLD.scopes, OLD.tenant_name) IS DISTINCT FROM (NEW.state, NEW.reason, NEW.upgrade_needed, NEW.scopes, NEW.tenant_name))
    EXECUTE FUNCTION connection_changed();

-- The orders in which back ends list the connections of all companies.
CREATE INDEX connections_by_change ON connections (changed_at, id);
CREATE INDEX connections_by_state ON connections (state, id);
CREATE INDEX connections_by_environment ON connections (environment, id);

-- The answers to requests that had an Idempotency-Key, whose hash is key_hash.
-- fingerprint is the hash of the request. status is 0 and there is no answer while the
-- request is under way; claim is the attempt that carries it out. The rows are made
-- by requests that may come when a demo begins again, so they refer to nothing.
CREATE TABLE idempotency_keys (
    id            UUID PRIMARY KEY,
    key_id        UUID NOT NULL,
    key_hash      BYTEA NOT NULL,
    fingerprint   BYTEA NOT NULL,
    claim         TEXT NOT NULL,
    claimed_at    TIMESTAMPTZ NOT NULL,
    status        INTEGER NOT NULL DEFAULT 0,
    answer_sealed BYTEA CHECK (answer_sealed IS NULL OR get_byte(answer_sealed, 0) = 1),
    created_at    TIMESTAMPTZ NOT NULL,
    UNIQUE (key_id, key_hash)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP INDEX connections_by_environment;
DROP INDEX connections_by_state;
DROP INDEX connections_by_change;
DROP TRIGGER connections_changed ON connections;
DROP TRIGGER connections_first_seen ON connections;
DROP FUNCTION connection_changed();
ALTER TABLE connections DROP COLUMN changed_at;
