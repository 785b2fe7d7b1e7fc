-- +goose Up
-- The ID that the operator's back end gives a company, if it gives one.
ALTER TABLE companies ADD COLUMN reference TEXT NOT NULL DEFAULT '' CHECK (length(CAST(reference AS BLOB)) <= 255);
CREATE UNIQUE INDEX companies_reference ON companies (reference) WHERE reference <> '';

-- Where messages are sent. company_id is null for an endpoint of the operator, which
-- gets the messages of all companies. types lists what the endpoint gets, separated by
-- spaces; empty means everything. The old secret signs beside the new one until
-- old_secret_until. failures counts the attempts in a row that failed; the first of
-- them was at failing_since. An instance that sends to the endpoint has its lease.
CREATE TABLE webhook_endpoints (
    id                TEXT PRIMARY KEY,
    company_id        TEXT REFERENCES companies (id),
    url               TEXT NOT NULL,
    description       TEXT NOT NULL,
    types             TEXT NOT NULL,
    secret_sealed     BLOB NOT NULL CHECK (typeof(secret_sealed) = 'blob' AND hex(substr(secret_sealed, 1, 1)) = '01'),
    old_secret_sealed BLOB CHECK (old_secret_sealed IS NULL OR (typeof(old_secret_sealed) = 'blob' AND hex(substr(old_secret_sealed, 1, 1)) = '01')),
    old_secret_until  DATETIME,
    failures          INTEGER NOT NULL DEFAULT 0,
    failing_since     DATETIME,
    next_try_at       DATETIME,
    resumed_at        DATETIME,
    paused_at         DATETIME,
    disabled_at       DATETIME,
    lease_owner       TEXT NOT NULL DEFAULT '',
    lease_until       DATETIME,
    created_at        DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX webhook_endpoints_company ON webhook_endpoints (company_id);

-- What is sent, word for word. Messages with the same order key arrive in order. It is
-- the connection, or the company if the message is about no connection.
CREATE TABLE webhook_messages (
    id         TEXT PRIMARY KEY,
    type       TEXT NOT NULL,
    company_id TEXT REFERENCES companies (id),
    order_key  TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX webhook_messages_age ON webhook_messages (created_at);
CREATE INDEX webhook_messages_company ON webhook_messages (company_id) WHERE company_id IS NOT NULL;

-- One message to one endpoint. seq is the order of the changes of a connection, because
-- whoever changes one holds its row. company_id is the endpoint's. next_try_at counts
-- for the first pending delivery of an order key; the later ones wait for it.
CREATE TABLE webhook_deliveries (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    endpoint_id  TEXT NOT NULL REFERENCES webhook_endpoints (id),
    company_id   TEXT,
    message_id   TEXT NOT NULL REFERENCES webhook_messages (id),
    type         TEXT NOT NULL,
    order_key    TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    tries        INTEGER NOT NULL DEFAULT 0,
    next_try_at  DATETIME NOT NULL,
    created_at   DATETIME NOT NULL,
    ended_at     DATETIME
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, order_key, seq) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, seq);
CREATE INDEX webhook_deliveries_company ON webhook_deliveries (company_id, seq);
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (order_key, seq);
CREATE INDEX webhook_deliveries_message ON webhook_deliveries (message_id);
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at);

-- One attempt to deliver. status is the status of the answer, or 0 if there was none.
-- answer is its beginning, and error says in words what went wrong.
CREATE TABLE webhook_attempts (
    delivery_seq INTEGER NOT NULL REFERENCES webhook_deliveries (seq) ON DELETE CASCADE,
    n            INTEGER NOT NULL,
    at           DATETIME NOT NULL,
    status       INTEGER NOT NULL,
    millis       INTEGER NOT NULL,
    answer       TEXT NOT NULL,
    error        TEXT NOT NULL,
    PRIMARY KEY (delivery_seq, n)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_messages;
DROP TABLE webhook_endpoints;
DROP INDEX companies_reference;
ALTER TABLE companies DROP COLUMN reference;
