// Package secret has the type of every value that must never be printed: tokens,
// passwords, and keys. It has no tables, imports nothing else of the project,
// and every package may import it.
package secret
