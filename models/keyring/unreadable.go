package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// OldKeys describes the values that are not encrypted with the primary key.
type OldKeys struct {
	// Opens is the number of values that open with each key, by key ID. They would be
	// lost with the key.
	Opens map[uint32]int64
	// Unreadable are the rows with values that open with no key of the file.
	Unreadable []Unreadable
}

// Unreadable is a row with values that do not open: altered, moved from their place,
// or encrypted with a key that the file does not have.
type Unreadable struct {
	// Table and Row say where it is. In credentials, Row is the connection's ID.
	Table, Row string
	Columns    []string
	// MissingKeys are the keys that values name and the file does not have. The file
	// of another host may have them.
	MissingKeys []uint32
	// CompanyName, State, and Reason describe the connection of a row of credentials.
	CompanyName string
	State       models.State
	Reason      models.Reason
	// Email is the user's, for a row of second_factors.
	Email string
}

// GivenUp says whether the connection no longer needs the values. The keeper has found
// that they do not open, and the company is asked to reconnect, which replaces them.
func (b Unreadable) GivenUp() bool {
	return b.State == models.ReconnectNeeded && b.Reason == models.ReasonSealBroken
}

// FindOldKeys examines everything that Reseal would encrypt again, and changes nothing.
func FindOldKeys(ctx context.Context, db *database.DB, keys *seal.Keys) (OldKeys, error) {
	left := OldKeys{Opens: map[uint32]int64{}}
	for _, t := range sealedTables() {
		primary := keyBytes(keys.Primary())
		err := eachOther(ctx, db, t, primary, func(rows []database.SealedRow) error {
			var unreadable []Unreadable
			for _, row := range rows {
				if b := left.look(keys, primary, row); len(b.Columns) > 0 {
					b.Table = t.Name
					unreadable = append(unreadable, b)
				}
			}
			left.Unreadable = append(left.Unreadable, unreadable...)
			return nameUnreadable(ctx, db, t.Name, left.Unreadable[len(left.Unreadable)-len(unreadable):])
		})
		if err != nil {
			return OldKeys{}, fmt.Errorf("look at what %s has sealed with old keys: %w", t.Name, err)
		}
	}
	return left, nil
}

// look counts the values of a row that open, and returns those that do not.
func (l *OldKeys) look(keys *seal.Keys, primary []byte, row database.SealedRow) (b Unreadable) {
	for _, v := range row.Values {
		if !other(v, primary) {
			continue
		}
		id, _ := seal.KeyID(v.Sealed)
		_, err := keys.Open(v.Sealed, v.Place)
		if err == nil {
			l.Opens[id]++
			continue
		}
		b.Row, b.Columns = v.Place.Row, append(b.Columns, v.Column)
		if errors.Is(err, seal.ErrKeyMissing) && !slices.Contains(b.MissingKeys, id) {
			b.MissingKeys = append(b.MissingKeys, id)
		}
	}
	return b
}

// nameUnreadable adds to each row the connection or user that it belongs to.
func nameUnreadable(ctx context.Context, db *database.DB, table string, list []Unreadable) error {
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
	at := map[string]*Unreadable{}
	ids := make([]string, len(list))
	for i := range list {
		ids[i], at[list[i].Row] = list[i].Row, &list[i]
	}
	var named []struct {
		ID, Name, Email string
		State           models.State
		Reason          models.Reason
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
