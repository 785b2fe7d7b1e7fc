package models

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// LeftOver is what is sealed with other keys than the one for new values.
type LeftOver struct {
	// Opens is how many values open with each key, by its ID. They would be lost
	// with it.
	Opens map[uint32]int64
	// Broken are the rows with values that open with no key of the file.
	Broken []Broken
}

// Broken is a row with values that do not open: altered, moved from their place,
// or sealed with a key that the file does not have.
type Broken struct {
	// Table and Row say where it is; the row of credentials is the connection's ID.
	Table, Row string
	Columns    []string
	// MissingKeys are those that values name and the file does not have. Another
	// host's file may.
	MissingKeys []uint32
	// CompanyName, State and Reason are the connection's that a row of credentials
	// belongs to.
	CompanyName string
	State       State
	Reason      Reason
	// Email is whose second factor it is.
	Email string
}

// GivenUp says that nobody counts on the values any more: it was found out that
// they do not open, and the company is asked to reconnect, which replaces them.
func (b Broken) GivenUp() bool { return b.State == ReconnectNeeded && b.Reason == ReasonSealBroken }

// LeftOver looks at all that Reseal would seal again, and changes nothing.
func (db *DB) LeftOver(ctx context.Context, keys *seal.Keys) (LeftOver, error) {
	left := LeftOver{Opens: map[uint32]int64{}}
	for _, t := range sealedTables() {
		primary := keyBytes(keys.Primary())
		err := db.eachOther(ctx, t, primary, func(rows []sealedRow) error {
			var broken []Broken
			for _, row := range rows {
				if b := left.look(keys, primary, row); len(b.Columns) > 0 {
					b.Table = t.name
					broken = append(broken, b)
				}
			}
			left.Broken = append(left.Broken, broken...)
			return db.nameBroken(ctx, t.name, left.Broken[len(left.Broken)-len(broken):])
		})
		if err != nil {
			return LeftOver{}, fmt.Errorf("look at what %s has sealed with old keys: %w", t.name, err)
		}
	}
	return left, nil
}

// look counts the values of a row that open, and returns those that do not.
func (l *LeftOver) look(keys *seal.Keys, primary []byte, row sealedRow) (b Broken) {
	for _, v := range row.values {
		if !v.other(primary) {
			continue
		}
		id, _ := seal.KeyID(v.sealed)
		_, err := keys.Open(v.sealed, v.place)
		if err == nil {
			l.Opens[id]++
			continue
		}
		b.Row, b.Columns = v.place.Row, append(b.Columns, v.column)
		if errors.Is(err, seal.ErrKeyMissing) && !slices.Contains(b.MissingKeys, id) {
			b.MissingKeys = append(b.MissingKeys, id)
		}
	}
	return b
}

// nameBroken finds out whose the rows of a table are.
func (db *DB) nameBroken(ctx context.Context, table string, list []Broken) error {
	var query string
	switch table {
	case "credentials":
		query = "SELECT o.id, c.name, o.state, o.reason FROM connections o JOIN companies c ON c.id = o.company_id WHERE o.id IN ?"
	case "second_factors":
		query = "SELECT id, email FROM users WHERE id IN ?"
	}
	if query == "" || len(list) == 0 {
		return nil
	}
	at := map[string]*Broken{}
	ids := make([]string, len(list))
	for i := range list {
		ids[i], at[list[i].Row] = list[i].Row, &list[i]
	}
	var named []struct {
		ID, Name, Email string
		State           State
		Reason          Reason
	}
	if err := db.Read(ctx).Raw(query, ids).Scan(&named).Error; err != nil {
		return err
	}
	for _, n := range named {
		b := at[n.ID]
		b.CompanyName, b.State, b.Reason, b.Email = n.Name, n.State, n.Reason, n.Email
	}
	return nil
}
