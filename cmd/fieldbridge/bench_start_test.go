package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// fill makes connections, each with a credential and an event, ten to a company.
func fill(b *testing.B, database string, connections int) {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+database+"?_journal_mode=WAL&_synchronous=OFF")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	const (
		count   = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) `
		id      = `printf('%08x-0000-7000-8000-000000000000', i)`
		company = `printf('%08x-0000-7000-8000-000000000000', i / 10)`
	)
	now := time.Now().UTC()
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{
			count + `INSERT INTO companies (id, name, created_at) SELECT printf('%08x-0000-7000-8000-000000000000', i - 1), 'Company ' || i, ? FROM n`,
			[]any{connections/10 + 1, now},
		},
		{
			count + `INSERT INTO connections (id, company_id, environment, tenant_id, tenant_name, business_units, way, state, scopes, generation,
			connected_by_name, connected_at, renewed_at, expires_at, next_renewal_at, created_at, updated_at)
			SELECT ` + id + `, ` + company + `, 'sandbox', i, 'Tenant ' || i, 3, 'sign_in', 'connected', ?, 1, 'Dana Whitfield', ?, ?, ?, ?, ?, ? FROM n`,
			[]any{connections, defaultScopes, now, now, now, now, now, now},
		},
		{
			count + `INSERT INTO credentials (connection_id, company_id, access_sealed, refresh_sealed, expires_at, generation)
			SELECT ` + id + `, ` + company + `, CAST(x'01' || randomblob(1100) AS BLOB), CAST(x'01' || randomblob(100) AS BLOB), ?, 1 FROM n`,
			[]any{connections, now},
		},
		{
			count + `INSERT INTO events (id, company_id, connection_id, kind, actor_name, support_code, at)
			SELECT ` + id + `, ` + company + `, ` + id + `, 'connected', 'Dana Whitfield', 'FB-ABCD-EFGH', ? FROM n`,
			[]any{connections, now},
		},
	} {
		if _, err := db.ExecContext(b.Context(), step.statement, step.args...); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// start opens the app and measures until its front page has come.
func start(b *testing.B, database string, keys *seal.Keys) time.Duration {
	b.Helper()
	began := time.Now()
	l, base := listen(b)
	a, err := newApp(b.Context(), benchConfig(b, base, "http://127.0.0.1:1", database), keys, nil, quiet())
	if err != nil {
		b.Fatal(err)
	}
	s := newServer(a.public, quiet())
	go func() { _ = s.Serve(l) }()
	c := newClient(base)
	if _, err := c.get("/", http.StatusOK); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	c.transport.CloseIdleConnections()
	if err := s.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := a.db.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

// BenchmarkStart measures the time from opening the database to the first
// answer, with 100,000 connections in it and with none: open, check the schema
// and the keyset, wire, listen, answer. It does not count what a process costs
// before main begins, nor a cold file cache, nor the first start's migration.
func BenchmarkStart(b *testing.B) {
	const connections, rounds = 100_000, 9
	keys := newKeyset(b)
	empty, full := filepath.Join(b.TempDir(), "empty.db"), filepath.Join(b.TempDir(), "full.db")
	start(b, empty, keys)
	start(b, full, keys)
	fill(b, full, connections)
	file, err := os.Stat(full)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
		b.Logf("the full database has %d MB; %s", file.Size()>>20, disk(b, filepath.Dir(full)))
		var withNone, withAll []time.Duration
		for b.Loop() {
			for range rounds {
				withNone = append(withNone, start(b, empty, keys))
				withAll = append(withAll, start(b, full, keys))
			}
		}
		none, all := middle(withNone, milliseconds), middle(withAll, milliseconds)
		b.ReportMetric(none, "empty-ms")
		b.ReportMetric(all, "full-ms")
		b.ReportMetric(all/none, "full/empty")
		b.ReportMetric(0, "ns/op")
	})
}
