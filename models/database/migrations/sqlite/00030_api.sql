-- +goose Up
-- When what back ends see of a connection last changed, apart from renewals. The
-- triggers below keep it.
ALTER TABLE connections ADD COLUMN changed_at DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00+00:00';
UPDATE connections SET changed_at = updated_at;
-- +goose StatementBegin
CREATE TRIGGER connections_first_seen AFTER INSERT ON connections BEGIN
    UPDATE connections SET changed_at = NEW.updated_at WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER connections_changed AFTER UPDATE OF state, reason, upgrade_needed, scopes, tenant_name ON connections
WHEN (OLD.state, OLD.reason, OLD.upgrade_needed, OLD.scopes, OLD.tenant_name) IS NOT (NEW.state, NEW.reason, NEW.upgrade_needed, NEW.scopes, NEW.tenant_name) BEGIN
    UPDATE connections SET changed_at = NEW.updated_at WHERE id = NEW.id;
END;
-- +goose StatementEnd

-- The orders in which back ends list the connections of all companies.
CREATE INDEX connections_by_change ON connections (changed_at, id);
CREATE INDEX connections_by_state ON connections (state, id);
CREATE INDEX connections_by_environment ON connections (environment, id);

-- The answers to requests that had an Idempotency-Key, whose hash is key_hash.
-- fingerprint is the hash of the request. status is 0 and there is no answer while the
-- request is under way; claim is the attempt that carries it out. The rows are made
-- by requests that may come when a demo begins again, so they refer to nothing.
CREATE TABLE idempotency_keys (
    id            TEXT PRIMARY KEY,
    key_id        TEXT NOT NULL,
    key_hash      BLOB NOT NULL,
    fingerprint   BLOB NOT NULL,
    claim         TEXT NOT NULL,
    claimed_at    DATETIME NOT NULL,
    status        INTEGER NOT NULL DEFAULT 0,
    answer_sealed BLOB CHECK (answer_sealed IS NULL OR (typeof(answer_sealed) = 'blob' AND hex(substr(answer_sealed, 1, 1)) = '01')),
    created_at    DATETIME NOT NULL,
    UNIQUE (key_id, key_hash)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP INDEX connections_by_environment;
DROP INDEX connections_by_state;
DROP INDEX connections_by_change;
DROP TRIGGER connections_changed;
DROP TRIGGER connections_first_seen;
ALTER TABLE connections DROP COLUMN changed_at;
