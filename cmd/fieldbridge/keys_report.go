package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keyring"
)

// brokenNamed is how many rows with unreadable values are named.
const brokenNamed = 20

// sayBroken names the unreadable values, and says what to do about each. It fails if
// one of them needs a key that the file lacks.
func sayBroken(out io.Writer, list []keyring.Unreadable) error {
	missing := 0
	for i, b := range list {
		if len(b.MissingKeys) > 0 && !b.GivenUp() {
			missing++
		}
		if i < brokenNamed {
			_, _ = fmt.Fprintf(out, "does not open: %s of %s\n  do: %s\n", strings.Join(b.Columns, " and "), whose(b), remedy(b))
		}
	}
	if more := len(list) - brokenNamed; more > 0 {
		_, _ = fmt.Fprintf(out, "and %s more\n", thousands(int64(more)))
	}
	if missing > 0 {
		return errors.New("some values need a key that the file does not have, and were left as they are; get the file that has it, and run it again")
	}
	return nil
}

// whose says what an unreadable value belongs to.
func whose(b keyring.Unreadable) string {
	switch b.Table {
	case "credentials":
		state := "is " + string(b.State)
		if b.State == models.ReconnectNeeded {
			state = "needs reconnect"
		}
		return fmt.Sprintf("connection %s of %s, which %s", b.Row, b.CompanyName, state)
	case "second_factors":
		return "the second factor of " + b.Email
	}
	return b.Table + " " + b.Row
}

// remedy says what to do about an unreadable value.
func remedy(b keyring.Unreadable) string {
	if len(b.MissingKeys) > 0 && !b.GivenUp() {
		ids := strings.Trim(fmt.Sprint(b.MissingKeys), "[]")
		return "get the keyset file that has key " + ids + ", from another host or a copy"
	}
	switch {
	case b.GivenUp():
		return "let the company reconnect, or disconnect it; until then it is as it was, and needs no old key"
	case b.Table == "credentials":
		return "let the company reconnect, or disconnect it; its next renewal says so on its page too"
	case b.Table == "second_factors":
		return "fieldbridge staff reset-factor " + b.Email
	}
	return "nothing; while serve runs, it is given up within a day"
}
