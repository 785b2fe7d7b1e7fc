// Package seal encrypts secrets at rest with a Tink keyset: AES-256-GCM. Every sealed
// value is bound to the place it belongs to (table, company, row, column, and
// generation), so that it opens nowhere else. The keys are in a file, which may be
// replaced while processes use it.
//
// It has no tables. Everything under models may import it, and cmd/fieldbridge, which
// loads the keyset and works on its file.
package seal
