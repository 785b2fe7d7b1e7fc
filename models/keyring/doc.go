// Package keyring looks after what is encrypted, and cleans up: the check that the
// keyset is the database's own, which keys are in use, encryption with a new key, values that do not
// open, what has expired, and companies that are deleted.
//
// The owner of a table describes its encrypted columns. Keyring sees encrypted
// values and the places that they are bound to, and no credential.
//
// Tables: key_canary, keys_in_use.
//
// It deletes expired rows of the packages below, and those of deleted companies.
//
// Only readiness and the commands import it.
package keyring
