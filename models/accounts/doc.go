// Package accounts has companies and people: sign-up, sign-in, sessions, second
// factors, our staff, API keys, and the limits that keep strangers from guessing.
// It knows nothing of connections.
//
// A session is stored under the hash of its token. A slow request only updates a
// session that still exists, so signing out holds.
//
// Tables: companies, company_words, users, memberships, sessions, throttles,
// second_factors, recovery_codes, staff_identities, api_keys, token_reads,
// sign_ins, audit_records, account_mails, and log_key.
//
// It imports database and what is below it. Models, the packages above models,
// views, handlers, and the commands may import it.
package accounts
