package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// The admin listener answers what operators ask.
func TestAdmin(t *testing.T) {
	env := map[string]string{
		"FIELDBRIDGE_DATABASE_URL": filepath.Join(t.TempDir(), "app.db"), "SERVICETITAN_PRODUCTION_APP_KEY": "ak1.x",
	}
	c, err := loadConfig(serveDefaults(), func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	db, err := database.Open(t.Context(), c.DatabaseURL, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	a, err := wire(t.Context(), c, db, newKeyset(t), nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	wants := func(path string, status int, words ...string) {
		t.Helper()
		if path == "/readyz" {
			now = now.Add(5 * time.Second) // the result of a check counts that long
		}
		answer := httptest.NewRecorder()
		a.admin.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1:8081"+path, nil))
		if answer.Code != status {
			t.Errorf("%s: %d, want %d: %s", path, answer.Code, status, answer.Body)
		}
		for _, part := range words {
			if !strings.Contains(answer.Body.String(), part) {
				t.Errorf("%s does not say %q:\n%s", path, part, answer.Body)
			}
		}
	}
	wants("/healthz", 200, "ok")
	wants("/readyz", 200, "ready")
	front := httptest.NewRecorder()
	a.public.ServeHTTP(front, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:8080/signin?next=secret", nil))
	wants("/metrics", 200, `fieldbridge_http_request_seconds_count{method="GET",route="/signin",status="200"} 1`,
		"fieldbridge_ready 1", `fieldbridge_not_ready_total{cause="disk_full"} 0`, "fieldbridge_due_lag_seconds 0", "fieldbridge_check_lag_seconds 0", "fieldbridge_unsaved_renewals 0", "fieldbridge_leases_lost_total 0", `fieldbridge_outage{environment="production"} 0`, "go_goroutines")
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		public := httptest.NewRecorder()
		a.public.ServeHTTP(public, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:8080"+path, nil))
		if public.Code != 404 {
			t.Errorf("%s is public: %d", path, public.Code)
		}
	}

	change := func(statement string) {
		t.Helper()
		if err := a.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
			t.Fatal(err)
		}
	}
	change("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	wants("/readyz", 503, "schema has a different version")
	wants("/metrics", 200, "fieldbridge_ready 0", `fieldbridge_not_ready_total{cause="schema"} 1`)
	change("DELETE FROM goose_db_version WHERE version_id = 9999")
	change("UPDATE key_canary SET sealed = X'01ffffffff00'")
	wants("/readyz", 503, "keyset does not belong")
	_ = a.db.Close()
	wants("/readyz", 503, "database does not answer")
	wants("/metrics", 200, "fieldbridge_ready 0", "go_goroutines")
	wants("/healthz", 200)
}
