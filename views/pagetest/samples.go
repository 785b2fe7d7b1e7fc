package pagetest

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Noon is the time at which all test pages are shown.
var Noon = time.Date(2026, 11, 23, 12, 36, 0, 0, time.UTC)

// Ago returns a moment before Noon.
func Ago(d time.Duration) *time.Time {
	t := Noon.Add(-d)
	return &t
}

// Visitor returns a member of a company.
func Visitor(role accounts.Role) accounts.Visitor {
	return accounts.Visitor{Name: "Dana Whitfield", Email: "dana@northgate.example", CompanyName: "Northgate Heating & Plumbing", Role: role}
}

// Connection returns a connection in a state, with the fields that belong to that
// state.
func Connection(state models.State) models.Connection {
	next := Noon.Add(11 * time.Minute)
	c := models.Connection{
		ID: uuid.MustParse("019ab000-0000-7000-8000-000000000001"), Environment: "production", TenantID: 842193311,
		TenantName: "Northgate Heating & Plumbing", BusinessUnits: 4, Way: "sign_in", State: state,
		Scopes:          "tn.crm.customers:r tn.jpm.jobs:r tn.dis.capacity:r tn.acc.invoices:r tn.crm.bookings:rw tn.stt.businessunits:r tn.new.things:r offline_access",
		ConnectedByName: "Dana Whitfield", ConnectedAt: *Ago(174 * 24 * time.Hour), RenewedAt: *Ago(4 * time.Minute),
		NextRenewalAt: &next, ExpiresAt: Noon.Add(12 * time.Minute), TestedAt: Ago(time.Hour), TestPassed: true, TestMillis: 420,
	}
	switch state {
	case models.Degraded:
		c.Reason, c.FailingSince, c.TestPassed, c.NextRenewalAt = models.ReasonUnavailable, Ago(5*time.Minute), false, Ago(time.Minute)
	case models.ReconnectNeeded:
		c.Reason, c.FailingSince, c.NextRenewalAt = models.ReasonGrantRefused, Ago(18*time.Hour), nil
	case models.Disconnected:
		c.DisconnectedAt, c.NextRenewalAt, c.TestedAt = Ago(50*time.Minute), nil, nil
	}
	return c
}

// Events returns an event of each kind.
func Events(kinds []models.EventKind) []models.Event {
	var list []models.Event
	for _, kind := range kinds {
		list = append(list, models.Event{
			Kind: kind, ActorName: "Luis Ortega", Reason: models.ReasonUnavailable, Outcome: models.OutcomeDenied,
			Millis: 420, SupportCode: "FB-2H6P-83QA", At: *Ago(24 * time.Hour),
		})
	}
	return list
}

// Constants reads all constants of a type from the source of its package and of the
// models, so that a test notices a new one at once.
func Constants[T ~string](t *testing.T) []T {
	t.Helper()
	typeName, path := reflect.TypeFor[T]().Name(), reflect.TypeFor[T]().PkgPath()
	values := constants[T](t, directory(t, path), typeName)
	models := directory(t, "models")
	packages, err := os.ReadDir(models)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if p.IsDir() {
			values = append(values, constants[T](t, filepath.Join(models, p.Name()), filepath.Base(path)+"."+typeName)...)
		}
	}
	if len(values) < 4 {
		t.Fatalf("found %d constants of type %s", len(values), typeName)
	}
	return values
}

// constants reads the constants of a type, as the package in a directory names it.
func constants[T ~string](t *testing.T, directory, typeName string) (values []T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(directory, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^\s*(?:const )?\w+\s+` + regexp.QuoteMeta(typeName) + `\s+= (".*?")`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file) // #nosec G304 -- our own source
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(source, []byte(" "+typeName+" ")) {
			continue // the regular expression is slow
		}
		for _, match := range constant.FindAllSubmatch(source, -1) {
			v, err := strconv.Unquote(string(match[1]))
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, T(v))
		}
	}
	return values
}

// directory returns the directory of one of our packages.
func directory(t *testing.T, path string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, strings.TrimPrefix(path, "github.com/fieldbridge/fieldbridge/"))
		}
		up := filepath.Dir(root)
		if up == root {
			t.Fatal("no go.mod above the test")
		}
		root = up
	}
}
