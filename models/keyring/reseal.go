package keyring

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

const (
	// resealedAtOnce bounds the rows that one write encrypts again, because other
	// writes wait for it.
	resealedAtOnce = 250
	// resealPause is the longest pause between two writes on SQLite, which takes one
	// writer at a time. It is long enough for another process to get its turn.
	resealPause = 50 * time.Millisecond
	// resealPasses bounds the passes over the tables. A pass leaves out the rows that
	// others are writing.
	resealPasses = 10
)

// other says whether there is a value that is encrypted with a key other than key.
func other(v database.SealedValue, key []byte) bool {
	id, ok := seal.KeyID(v.Sealed)
	return v.Sealed != nil && (!ok || !slices.Equal(keyBytes(id), key))
}

// sealedTables returns all tables with encrypted columns. The canary comes first. The
// readiness check decrypts it, so an instance that lacks the new key reports that
// before anything else needs the key.
func sealedTables() []database.SealedTable {
	canary := database.SealedTable{Name: "key_canary", Key: "id", Columns: []string{"sealed"}, Rows: database.SealedRowsOf(func(c keyCanary) database.SealedRow {
		return database.SealedRow{Key: c.ID, Values: []database.SealedValue{{Column: "sealed", Sealed: c.Sealed, Place: canaryPlace()}}}
	})}
	return slices.Concat([]database.SealedTable{canary}, accounts.SealedTables(), connect.SealedTables(), keeper.SealedTables(), webhook.SealedTables())
}

// otherThan returns a query for the table's rows that have a value encrypted with a key
// other than key.
func otherThan(t database.SealedTable, db *gorm.DB, key []byte) *gorm.DB {
	parts, args := make([]string, len(t.Columns)), make([]any, len(t.Columns))
	for i, column := range t.Columns {
		parts[i], args[i] = "substr("+column+", 2, 4) <> ?", key
	}
	return db.Table(t.Name).Where("("+strings.Join(parts, " OR ")+")", args...)
}

// keyBytes returns a key's ID as encrypted values have it, after their first byte.
func keyBytes(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }

// Reseal encrypts again, with the primary key, every value that is encrypted with
// another key, and returns the number of rows that it changed. It leaves values that do
// not open as they are (see FindOldKeys). It may run beside instances that serve. It may
// be interrupted at any point, and the next run continues there. It calls report with
// the number of rows done and their total.
func Reseal(ctx context.Context, db *database.DB, keys *seal.Keys, report func(done, total int64)) (rows int64, err error) {
	primary, total := keyBytes(keys.Primary()), int64(0)
	for _, t := range sealedTables() {
		var n int64
		if err := otherThan(t, db.Read(ctx), primary).Count(&n).Error; err != nil {
			return 0, fmt.Errorf("count what is to be sealed again: %w", err)
		}
		total += n
	}
	report(0, total)
	for range resealPasses {
		missed := int64(0)
		for _, t := range sealedTables() {
			n, err := resealTable(ctx, db, keys, t, primary, func(did int64) {
				rows += did
				report(rows, total)
			})
			if err != nil {
				return rows, fmt.Errorf("seal %s again: %w", t.Name, err)
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
func resealTable(ctx context.Context, db *database.DB, keys *seal.Keys, t database.SealedTable, primary []byte, did func(rows int64)) (missed int64, err error) {
	err = eachOther(ctx, db, t, primary, func(rows []database.SealedRow) error {
		ids := make([]any, len(rows))
		for i, row := range rows {
			ids[i] = row.Key
		}
		var resealed, left int64
		began := time.Now()
		err := db.Write(ctx, func(tx *gorm.DB) (err error) {
			resealed, left, err = resealRows(t, tx, keys, primary, ids)
			return err
		})
		if err != nil {
			return err
		}
		did(resealed)
		missed += int64(len(rows)) - resealed - left
		if db.OnPostgres() {
			return nil // others write meanwhile
		}
		return retry.Pause(ctx, min(time.Since(began), resealPause))
	})
	return missed, err
}

// eachOther calls do with the rows that have a value encrypted with a key other than
// key, up to resealedAtOnce at a time.
func eachOther(ctx context.Context, db *database.DB, t database.SealedTable, key []byte, do func([]database.SealedRow) error) error {
	page := otherThan(t, db.Read(ctx), key).Order(t.Key).Limit(resealedAtOnce).Session(&gorm.Session{})
	for next := page; ; {
		rows, err := t.Rows(next)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := do(rows); err != nil {
			return err
		}
		next = page.Where(t.Key+" > ?", rows[len(rows)-1].Key)
	}
}

// resealRows encrypts rows again as they are now. It skips the rows that others are
// writing. It changes only encrypted values, and only if they are still those that were
// read, so that a renewal always wins. It returns how many rows it encrypted, and in
// how many nothing opens.
func resealRows(t database.SealedTable, tx *gorm.DB, keys *seal.Keys, primary []byte, ids []any) (resealed, left int64, err error) {
	rows, err := t.Rows(otherThan(t, tx, primary).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Where(t.Key+" IN ?", ids))
	if err != nil {
		return 0, 0, err
	}
	for _, row := range rows {
		var set, still []string
		var fresh, old []any
		for _, v := range row.Values {
			if !other(v, primary) {
				continue
			}
			value, err := keys.Open(v.Sealed, v.Place)
			if err != nil {
				continue
			}
			sealed, err := keys.Seal(value, v.Place)
			if err != nil {
				return 0, 0, err
			}
			set, fresh = append(set, v.Column+" = ?"), append(fresh, sealed)
			still, old = append(still, v.Column+" = ?"), append(old, v.Sealed)
		}
		if len(set) == 0 {
			left++
			continue
		}
		if row.Generation > 0 {
			still, old = append(still, "generation = ?"), append(old, row.Generation)
		}
		result := tx.Exec("UPDATE "+t.Name+" SET "+strings.Join(set, ", ")+" WHERE "+t.Key+" = ? AND "+strings.Join(still, " AND "),
			slices.Concat(fresh, []any{row.Key}, old)...)
		if result.Error != nil {
			return 0, 0, result.Error
		}
		resealed += result.RowsAffected
	}
	return resealed, left, nil
}

// SealedWith returns the number of values that are encrypted with each key, by key ID.
func SealedWith(ctx context.Context, db *database.DB) (map[uint32]int64, error) {
	var parts []string
	for _, t := range sealedTables() {
		for _, column := range t.Columns {
			parts = append(parts, "SELECT substr("+column+", 2, 4) AS key, count(*) AS n FROM "+t.Name+" WHERE "+column+" IS NOT NULL GROUP BY 1")
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
		if len(part.Key) == 4 { // a value that was cut off names no key
			n[binary.BigEndian.Uint32(part.Key)] += part.N
		}
	}
	return n, nil
}
