-- +goose Up
-- name_key is the name as it is searched and sorted by: words of small letters
-- and digits, a space between them. The program fills it in.
ALTER TABLE companies ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX companies_nameless ON companies (id) WHERE name_key = '';

-- The words of companies' names.
CREATE TABLE company_words (
    word       TEXT COLLATE "C" NOT NULL,
    company_id UUID NOT NULL REFERENCES companies (id),
    PRIMARY KEY (word, company_id)
);
CREATE INDEX company_words_company ON company_words (company_id, word);

-- Emails are found by how they begin.
CREATE INDEX users_email_begins ON users (email COLLATE "C");

-- state_since and company_key are kept by the triggers below.
ALTER TABLE connections ADD COLUMN state_since TIMESTAMPTZ NOT NULL DEFAULT '2000-01-01';
ALTER TABLE connections ADD COLUMN company_key TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE connections SET state_since = updated_at;

-- The staff list is read in pieces, one for each environment, state, reason and
-- way that there is, and each piece in the order of one of these.
CREATE INDEX connections_by_since ON connections (environment, state, reason, way, state_since, id);
CREATE INDEX connections_by_company ON connections (environment, state, reason, way, company_key, id);
CREATE INDEX connections_by_id ON connections (environment, state, reason, way, id);
CREATE INDEX connections_by_tenant ON connections (tenant_id, id);
CREATE INDEX events_support_code ON events (support_code) WHERE support_code <> '';

-- How many connections there are of each kind. Each count is spread over shards,
-- so that writers do not wait for each other.
CREATE TABLE connection_totals (
    environment TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    way         TEXT NOT NULL,
    shard       INTEGER NOT NULL,
    n           BIGINT NOT NULL,
    PRIMARY KEY (environment, state, reason, way, shard)
);
INSERT INTO connection_totals SELECT environment, state, reason, way, 0, count(*) FROM connections GROUP BY environment, state, reason, way;

-- +goose StatementBegin
CREATE FUNCTION count_connection(c connections, change BIGINT) RETURNS void LANGUAGE sql AS $$
    INSERT INTO connection_totals VALUES (c.environment, c.state, c.reason, c.way, get_byte(uuid_send(c.id), 15) & 15, change)
    ON CONFLICT (environment, state, reason, way, shard) DO UPDATE SET n = connection_totals.n + change
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION connection_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.state_since = NEW.updated_at;
        NEW.company_key = (SELECT name_key FROM companies WHERE id = NEW.company_id);
    ELSIF OLD.state <> NEW.state THEN
        NEW.state_since = NEW.updated_at;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION connection_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM count_connection(NEW, 1);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM count_connection(OLD, -1);
    ELSIF (OLD.environment, OLD.state, OLD.reason, OLD.way) < (NEW.environment, NEW.state, NEW.reason, NEW.way) THEN
        -- Two that move in opposite directions lock the counts in the same order.
        PERFORM count_connection(OLD, -1);
        PERFORM count_connection(NEW, 1);
    ELSE
        PERFORM count_connection(NEW, 1);
        PERFORM count_connection(OLD, -1);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER connections_kept BEFORE INSERT OR UPDATE OF state ON connections FOR EACH ROW EXECUTE FUNCTION connection_before();
CREATE TRIGGER connections_added AFTER INSERT OR DELETE ON connections FOR EACH ROW EXECUTE FUNCTION connection_after();
CREATE TRIGGER connections_moved AFTER UPDATE OF environment, state, reason, way ON connections FOR EACH ROW
    WHEN ((OLD.environment, OLD.state, OLD.reason, OLD.way) IS DISTINCT FROM (NEW.environment, NEW.state, NEW.reason, NEW.way))
    EXECUTE FUNCTION connection_after();
-- +goose StatementBegin
CREATE FUNCTION company_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE connections SET company_key = NEW.name_key WHERE company_id = NEW.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER companies_renamed AFTER UPDATE OF name_key ON companies FOR EACH ROW
    WHEN (OLD.name_key <> NEW.name_key) EXECUTE FUNCTION company_renamed();

-- The renewals of all connections, by the hour in which they ended (UTC, in the
-- form 2006-01-02T15).
CREATE TABLE renewal_hours (
    hour        TEXT NOT NULL,
    environment TEXT NOT NULL,
    ok          BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    PRIMARY KEY (hour, environment)
);

-- +goose Down
DROP TABLE renewal_hours;
DROP TRIGGER companies_renamed ON companies;
DROP TRIGGER connections_moved ON connections;
DROP TRIGGER connections_added ON connections;
DROP TRIGGER connections_kept ON connections;
DROP FUNCTION company_renamed;
DROP FUNCTION connection_after;
DROP FUNCTION connection_before;
DROP FUNCTION count_connection;
DROP TABLE connection_totals;
DROP INDEX events_support_code;
DROP INDEX connections_by_tenant;
DROP INDEX connections_by_id;
DROP INDEX connections_by_company;
DROP INDEX connections_by_since;
ALTER TABLE connections DROP COLUMN company_key;
ALTER TABLE connections DROP COLUMN state_since;
DROP INDEX users_email_begins;
DROP TABLE company_words;
DROP INDEX companies_nameless;
ALTER TABLE companies DROP COLUMN name_key;
