// Package seal encrypts secrets at rest with AES-256-GCM and a Tink keyset. Every
// sealed (encrypted) value is bound to its place: table, company, row, column, and
// generation. It opens nowhere else. The keys are in a file that may be replaced while
// processes use it.
//
// This package has no tables. Everything under models may import it, and so may
// cmd/fieldbridge, which loads the keyset and changes its file.
package seal
