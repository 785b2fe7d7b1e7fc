// Package keeper keeps every connection's access valid. It is the only package that knows
// credentials: their type is unexported, and a test keeps other packages from naming
// their encrypted columns. Others reach credentials only through these functions:
//   - Store and StoreSample encrypt a credential and store it.
//   - Drop deletes a credential. Drop and Retire also queue the revocation of its
//     refresh token, and RevokeReplaced sends that revocation.
//   - AccessToken, AccessNow, AccessOf, Renew, and Renewed return an access token, and
//     may renew it. Run renews what is due.
//   - Refuse ends a connection. The credential is kept but no longer used.
//   - Forget removes a decrypted access token from memory.
//   - StoredOf says which values are stored, and decrypts none of them.
//   - SealedTables gives keyring the encrypted values and the places that they are
//     bound to, so that it can encrypt them with a new key.
//
// Besides, the support package reads when credentials are due, and nothing else of them. A
// demo's reset empties every table.
//
// A renewal writes a lease before it sends anything, so if the database cannot be
// written, no token is spent. A save compares the generation, so a late one changes
// nothing. New tokens that cannot be saved are held in memory, and nothing more is
// sent. The schedule is a column beside the lease: instances share the work by leasing
// what is due.
//
// Decrypted access tokens stay in memory for up to five minutes. Each use asks the
// database whether their generation still counts, so a disconnect ends them on every
// instance.
//
// Two circuit breakers stand in front of each issuer: one for the app's own registration,
// one for the tenants' own clients. They limit the rate of renewals, and leave the issuer
// alone while it is down.
//
// Tables: credentials, revocations, and renewal_hours.
//
// It imports models and what is below it. Connect, support, keyring, demo, handlers,
// and the commands may import it.
package keeper
