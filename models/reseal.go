package models

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

const (
	// resealedAtOnce is how many rows are sealed again by one write: whoever writes
	// meanwhile waits for it.
	resealedAtOnce = 250
	// resealPause is how long others have at most between two writes on SQLite,
	// which takes one writer at a time. It is long enough for another process that
	// waits to come in.
	resealPause = 50 * time.Millisecond
	// resealPasses bounds how often rows are looked for that were being written
	// when their turn came.
	resealPasses = 10
)

// sealedTable is a table with sealed columns.
type sealedTable struct {
	name, key string
	columns   []string
	rows      func(*gorm.DB) ([]sealedRow, error)
}

// sealedRow is a row of one, and what of it is sealed.
type sealedRow struct {
	key any
	// generation is 0 where rows have none.
	generation int64
	values     []sealedValue
}

type sealedValue struct {
	column string
	sealed []byte
	place  seal.Place
}

// other says that there is a value, sealed with another key than the one.
func (v sealedValue) other(key []byte) bool {
	id, ok := seal.KeyID(v.sealed)
	return v.sealed != nil && (!ok || !slices.Equal(keyBytes(id), key))
}

// sealedTables are all there are. The canary comes first: readiness opens it, so
// that an instance which lacks the new key says so before anything else needs it.
func sealedTables() []sealedTable {
	return []sealedTable{
		{"key_canary", "id", []string{"sealed"}, rowsOf(func(c keyCanary) sealedRow {
			return sealedRow{key: c.ID, values: []sealedValue{{"sealed", c.Sealed, canaryPlace()}}}
		})},
		{"second_factors", "user_id", []string{"secret_sealed"}, rowsOf(func(f secondFactor) sealedRow {
			return sealedRow{key: f.UserID, values: []sealedValue{{"secret_sealed", f.SecretSealed, f.place()}}}
		})},
		{"authorizations", "state_hash", []string{"verifier_sealed"}, rowsOf(func(a authorization) sealedRow {
			return sealedRow{key: a.StateHash, values: []sealedValue{{"verifier_sealed", a.VerifierSealed, a.verifierPlace()}}}
		})},
		{"revocations", "id", []string{"token_sealed"}, rowsOf(func(r revocation) sealedRow {
			return sealedRow{key: r.ID, values: []sealedValue{{"token_sealed", r.TokenSealed, r.place()}}}
		})},
		{"credentials", "connection_id", []string{"access_sealed", "refresh_sealed", "secret_sealed"}, rowsOf(func(c credential) sealedRow {
			return sealedRow{key: c.ConnectionID, generation: c.Generation, values: []sealedValue{
				{"access_sealed", c.AccessSealed, c.place("access_sealed")},
				{"refresh_sealed", c.RefreshSealed, c.place("refresh_sealed")},
				{"secret_sealed", c.SecretSealed, c.place("secret_sealed")},
			}}
		})},
	}
}

func rowsOf[T any](row func(T) sealedRow) func(*gorm.DB) ([]sealedRow, error) {
	return func(db *gorm.DB) ([]sealedRow, error) {
		var list []T
		err := db.Find(&list).Error
		rows := make([]sealedRow, len(list))
		for i := range list {
			rows[i] = row(list[i])
		}
		return rows, err
	}
}

// otherThan picks the rows with a value that is sealed with another key than the
// one.
func (t sealedTable) otherThan(db *gorm.DB, key []byte) *gorm.DB {
	parts, args := make([]string, len(t.columns)), make([]any, len(t.columns))
	for i, column := range t.columns {
		parts[i], args[i] = "substr("+column+", 2, 4) <> ?", key
	}
	return db.Table(t.name).Where("("+strings.Join(parts, " OR ")+")", args...)
}

// keyBytes is a key's ID as sealed values have it, after their first byte.
func keyBytes(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }

// Reseal seals with the primary key everything that is sealed with another, and
// returns how many rows that were. What does not open is left as it is; see
// LeftOver. It may be run beside instances that serve, be broken off at any point,
// and be run again: it goes on where it was. Report is told now and then how many
// rows are done, of how many.
func (db *DB) Reseal(ctx context.Context, keys *seal.Keys, report func(done, total int64)) (rows int64, err error) {
	primary, total := keyBytes(keys.Primary()), int64(0)
	for _, t := range sealedTables() {
		var n int64
		if err := t.otherThan(db.Read(ctx), primary).Count(&n).Error; err != nil {
			return 0, fmt.Errorf("count what is to be sealed again: %w", err)
		}
		total += n
	}
	report(0, total)
	for range resealPasses {
		missed := int64(0)
		for _, t := range sealedTables() {
			n, err := db.resealTable(ctx, keys, t, primary, func(did int64) {
				rows += did
				report(rows, total)
			})
			if err != nil {
				return rows, fmt.Errorf("seal %s again: %w", t.name, err)
			}
			missed += n
		}
		if missed == 0 {
			break
		}
	}
	return rows, nil
}

// resealTable goes through a table once. It returns how many rows it left to
// those who were writing them.
func (db *DB) resealTable(ctx context.Context, keys *seal.Keys, t sealedTable, primary []byte, did func(rows int64)) (missed int64, err error) {
	err = db.eachOther(ctx, t, primary, func(rows []sealedRow) error {
		ids := make([]any, len(rows))
		for i, row := range rows {
			ids[i] = row.key
		}
		var resealed, left int64
		began := time.Now()
		err := db.Write(ctx, func(tx *gorm.DB) (err error) {
			resealed, left, err = t.reseal(tx, keys, primary, ids)
			return err
		})
		if err != nil {
			return err
		}
		did(resealed)
		missed += int64(len(rows)) - resealed - left
		if db.dialect == postgresDialect {
			return nil // others write meanwhile
		}
		select {
		case <-time.After(min(time.Since(began), resealPause)):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	return missed, err
}

// eachOther hands over the rows that have a value sealed with another key than
// the one, some at a time.
func (db *DB) eachOther(ctx context.Context, t sealedTable, key []byte, do func([]sealedRow) error) error {
	page := t.otherThan(db.Read(ctx), key).Order(t.key).Limit(resealedAtOnce).Session(&gorm.Session{})
	for next := page; ; {
		rows, err := t.rows(next)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := do(rows); err != nil {
			return err
		}
		next = page.Where(t.key+" > ?", rows[len(rows)-1].key)
	}
}

// reseal seals rows again as they are now. It waits for nobody: what others are
// writing is left to them. Nothing of a row changes but its sealed values, and
// they only if they are still those that were read, so that a renewal always
// wins. It returns how many rows it sealed, and how many have nothing that opens.
func (t sealedTable) reseal(tx *gorm.DB, keys *seal.Keys, primary []byte, ids []any) (resealed, left int64, err error) {
	rows, err := t.rows(t.otherThan(tx, primary).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Where(t.key+" IN ?", ids))
	if err != nil {
		return 0, 0, err
	}
	for _, row := range rows {
		var set, still []string
		var fresh, old []any
		for _, v := range row.values {
			if !v.other(primary) {
				continue
			}
			value, err := keys.Open(v.sealed, v.place)
			if err != nil {
				continue
			}
			sealed, err := keys.Seal(value, v.place)
			if err != nil {
				return 0, 0, err
			}
			set, fresh = append(set, v.column+" = ?"), append(fresh, sealed)
			still, old = append(still, v.column+" = ?"), append(old, v.sealed)
		}
		if len(set) == 0 {
			left++
			continue
		}
		if row.generation > 0 {
			still, old = append(still, "generation = ?"), append(old, row.generation)
		}
		result := tx.Exec("UPDATE "+t.name+" SET "+strings.Join(set, ", ")+" WHERE "+t.key+" = ? AND "+strings.Join(still, " AND "),
			slices.Concat(fresh, []any{row.key}, old)...)
		if result.Error != nil {
			return 0, 0, result.Error
		}
		resealed += result.RowsAffected
	}
	return resealed, left, nil
}

// SealedWith is how many values are sealed with each key, by its ID.
func (db *DB) SealedWith(ctx context.Context) (map[uint32]int64, error) {
	var parts []string
	for _, t := range sealedTables() {
		for _, column := range t.columns {
			parts = append(parts, "SELECT substr("+column+", 2, 4) AS key, count(*) AS n FROM "+t.name+" WHERE "+column+" IS NOT NULL GROUP BY 1")
		}
	}
	var list []struct {
		Key []byte
		N   int64
	}
	if err := db.Read(ctx).Raw(strings.Join(parts, " UNION ALL ")).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("count what is sealed: %w", err)
	}
	n := map[uint32]int64{}
	for _, part := range list {
		if len(part.Key) == 4 { // else it was cut off, and names none
			n[binary.BigEndian.Uint32(part.Key)] += part.N
		}
	}
	return n, nil
}
