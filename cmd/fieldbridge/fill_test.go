package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// filledID returns the ID of the ith filled-in thing of a kind. i counts from 0.
func filledID(i int) string { return fmt.Sprintf("%08x-0000-7000-8000-000000000000", i) }

// fill makes connections, ten for each company. Each has an event, and a credential
// that opens and that the stub issuer renews. Access was granted just now, and the
// renewals and checks are spread over the next hour.
func fill(b testing.TB, db *database.DB, keys *seal.Keys, connections int) {
	b.Helper()
	if _, err := accounts.Migrate(b.Context(), db, accounts.MigrationWatch{}); err != nil {
		b.Fatal(err)
	}
	const batch = 1000
	now := db.Now()
	for first := 0; first < connections; first += batch {
		err := db.Write(b.Context(), func(tx *gorm.DB) error {
			for i := first; i < min(first+batch, connections); i++ {
				if err := fillOne(tx, keys, i, now, now.Add(time.Hour*time.Duration(i)/time.Duration(connections))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func fillOne(tx *gorm.DB, keys *seal.Keys, i int, now, due time.Time) error {
	const perCompany = 10
	id, company, tenant, expires := filledID(i), filledID(i/perCompany), int64(i+1), now.Add(stubLife)
	place := seal.Place{Table: "credentials", Company: company, Row: id, Generation: 1}
	place.Column = "access_sealed"
	access, err := keys.Seal(stubAccess(tenant), place)
	if err != nil {
		return err
	}
	place.Column = "refresh_sealed"
	refresh, err := keys.Seal(stubRefresh(tenant), place)
	if err != nil {
		return err
	}
	if i%perCompany == 0 {
		err = tx.Exec(`INSERT INTO companies (id, name, created_at) VALUES (?, ?, ?)`, company, fmt.Sprint("Company ", i/perCompany), now).Error
	}
	return errors.Join(err,
		tx.Exec(`INSERT INTO connections (id, company_id, environment, tenant_id, tenant_name, business_units, way, state, scopes, generation,
			connected_by_name, connected_at, renewed_at, expires_at, next_renewal_at, created_at, updated_at)
			VALUES (?, ?, 'production', ?, ?, 3, 'sign_in', 'connected', ?, 1, 'Dana Whitfield', ?, ?, ?, ?, ?, ?)`,
			id, company, tenant, fmt.Sprint("Tenant ", tenant), defaultScopes, now, now, expires, due, now, now).Error,
		tx.Exec(`INSERT INTO credentials (connection_id, company_id, access_sealed, refresh_sealed, expires_at, generation, environment, due_at)
			VALUES (?, ?, ?, ?, ?, 1, 'production', ?)`, id, company, access, refresh, expires, due).Error,
		tx.Exec(`INSERT INTO checks (connection_id, company_id, environment, due_at) VALUES (?, ?, 'production', ?)`, id, company, due).Error,
		tx.Exec(`INSERT INTO events (id, company_id, connection_id, kind, actor_name, support_code, at)
			VALUES (?, ?, ?, 'connected', 'Dana Whitfield', 'FB-ABCD-EFGH', ?)`, id, company, id, now).Error)
}

// change changes rows that were filled in.
func change(b testing.TB, db *database.DB, statement string, args ...any) {
	b.Helper()
	if err := db.Write(b.Context(), func(tx *gorm.DB) error { return tx.Exec(statement, args...).Error }); err != nil {
		b.Fatal(err)
	}
}

// number returns the result of a query for one number.
func number(b testing.TB, db *database.DB, query string, args ...any) (n int64) {
	b.Helper()
	if err := db.Read(b.Context()).Raw(query, args...).Scan(&n).Error; err != nil {
		b.Fatal(err)
	}
	return n
}

// openFilled opens a new SQLite database with connections.
func openFilled(b testing.TB, keys *seal.Keys, connections int) *database.DB {
	b.Helper()
	db, err := database.Open(b.Context(), filepath.Join(b.TempDir(), "app.db"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	fill(b, db, keys, connections)
	return db
}
