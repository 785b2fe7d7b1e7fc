-- +goose Up
-- How many mails an address was sent in the last day is counted by this index.
CREATE INDEX mails_recipient ON mails (recipient, created_at);

-- Names with punctuation are found by more words now. The program writes them down
-- when it migrates, for each company without a key.
UPDATE companies SET name_key = '' WHERE name GLOB '*[^a-zA-Z0-9 ]*';

-- +goose Down
DROP INDEX mails_recipient;
