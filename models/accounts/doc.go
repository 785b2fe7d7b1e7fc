// Package accounts manages companies and people: sign-up, sign-in, sessions, second
// factors, our staff, API keys, and the limits that keep strangers from guessing
// passwords. It knows nothing about connections.
//
// Sessions are stored under the hash of their token. A slow request can update a
// session but never create it again, so a sign-out is final.
//
// Tables: companies, company_words, users, memberships, sessions, throttles,
// second_factors, recovery_codes, passkeys, staff_identities, api_keys,
// idempotency_keys, token_reads, sign_ins, audit_records, account_mails, links,
// invitations, and log_key.
//
// It imports database and the packages below it. The package models, the packages
// above models, views, handlers, and the commands may import it.
package accounts
