-- +goose Up
-- The leases of renewals that are under way, so that those of an instance that
-- has died are found at once.
CREATE INDEX credentials_leased ON credentials (lease_until) WHERE lease_until IS NOT NULL;

-- +goose Down
DROP INDEX credentials_leased;
