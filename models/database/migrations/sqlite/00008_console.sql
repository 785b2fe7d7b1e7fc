-- +goose Up
-- name_key is the name as it is searched and sorted by: words of small letters
-- and digits, a space between them. The program fills it in.
ALTER TABLE companies ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
CREATE INDEX companies_nameless ON companies (id) WHERE name_key = '';

-- The words of companies' names.
CREATE TABLE company_words (
    word       TEXT NOT NULL,
    company_id TEXT NOT NULL REFERENCES companies (id),
    PRIMARY KEY (word, company_id)
) WITHOUT ROWID;
CREATE INDEX company_words_company ON company_words (company_id, word);

-- state_since and company_key are kept by the triggers below.
ALTER TABLE connections ADD COLUMN state_since DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00+00:00';
ALTER TABLE connections ADD COLUMN company_key TEXT NOT NULL DEFAULT '';
UPDATE connections SET state_since = updated_at;

-- The staff list is read in pieces, one for each environment, state, reason and
-- way that there is, and each piece in the order of one of these.
CREATE INDEX connections_by_since ON connections (environment, state, reason, way, state_since, id);
CREATE INDEX connections_by_company ON connections (environment, state, reason, way, company_key, id);
CREATE INDEX connections_by_id ON connections (environment, state, reason, way, id);
CREATE INDEX connections_by_tenant ON connections (tenant_id, id);
CREATE INDEX events_support_code ON events (support_code) WHERE support_code <> '';

-- How many connections there are of each kind. PostgreSQL spreads each count
-- over shards, so that its writers do not wait for each other.
CREATE TABLE connection_totals (
    environment TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    way         TEXT NOT NULL,
    shard       INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (environment, state, reason, way, shard)
) WITHOUT ROWID;
INSERT INTO connection_totals SELECT environment, state, reason, way, 0, count(*) FROM connections GROUP BY environment, state, reason, way;

-- +goose StatementBegin
CREATE TRIGGER connections_added AFTER INSERT ON connections BEGIN
    UPDATE connections SET state_since = NEW.updated_at, company_key = (SELECT name_key FROM companies WHERE id = NEW.company_id) WHERE id = NEW.id;
    INSERT INTO connection_totals VALUES (NEW.environment, NEW.state, NEW.reason, NEW.way, 0, 1)
    ON CONFLICT (environment, state, reason, way, shard) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER connections_moved AFTER UPDATE OF environment, state, reason, way ON connections
WHEN (OLD.environment, OLD.state, OLD.reason, OLD.way) IS NOT (NEW.environment, NEW.state, NEW.reason, NEW.way) BEGIN
    UPDATE connections SET state_since = NEW.updated_at WHERE id = NEW.id AND OLD.state <> NEW.state;
    UPDATE connection_totals SET n = n - 1
    WHERE environment = OLD.environment AND state = OLD.state AND reason = OLD.reason AND way = OLD.way AND shard = 0;
    INSERT INTO connection_totals VALUES (NEW.environment, NEW.state, NEW.reason, NEW.way, 0, 1)
    ON CONFLICT (environment, state, reason, way, shard) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER connections_gone AFTER DELETE ON connections BEGIN
    UPDATE connection_totals SET n = n - 1
    WHERE environment = OLD.environment AND state = OLD.state AND reason = OLD.reason AND way = OLD.way AND shard = 0;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER companies_renamed AFTER UPDATE OF name_key ON companies WHEN OLD.name_key <> NEW.name_key BEGIN
    UPDATE connections SET company_key = NEW.name_key WHERE company_id = NEW.id;
END;
-- +goose StatementEnd

-- The renewals of all connections, by the hour in which they ended (UTC, in the
-- form 2006-01-02T15).
CREATE TABLE renewal_hours (
    hour        TEXT NOT NULL,
    environment TEXT NOT NULL,
    ok          INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    PRIMARY KEY (hour, environment)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE renewal_hours;
DROP TRIGGER companies_renamed;
DROP TRIGGER connections_gone;
DROP TRIGGER connections_moved;
DROP TRIGGER connections_added;
DROP TABLE connection_totals;
DROP INDEX events_support_code;
DROP INDEX connections_by_tenant;
DROP INDEX connections_by_id;
DROP INDEX connections_by_company;
DROP INDEX connections_by_since;
ALTER TABLE connections DROP COLUMN company_key;
ALTER TABLE connections DROP COLUMN state_since;
DROP TABLE company_words;
DROP INDEX companies_nameless;
ALTER TABLE companies DROP COLUMN name_key;
