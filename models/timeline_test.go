package models_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// eventKinds reads the constants from the source, so that a new one is missed
// here at once.
func eventKinds(t *testing.T) (kinds []models.EventKind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for node := range ast.Preorder(file) {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			continue
		}
		if named, ok := spec.Type.(*ast.Ident); !ok || named.Name != "EventKind" {
			continue
		}
		kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, models.EventKind(kind))
	}
	if len(kinds) < 30 {
		t.Fatalf("found %d kinds of events", len(kinds))
	}
	return kinds
}

// The table says of each kind who may see it, and a company's timeline shows
// exactly what the table gives to companies.
func TestEachKindOfEventHasAnAudience(t *testing.T) {
	modeltest.OnDesks(t, func(t *testing.T, d *modeltest.StaffDesk) {
		id, kinds := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], eventKinds(t)
		if len(models.Audiences) != len(kinds) {
			t.Errorf("%d kinds have an audience, %d exist", len(models.Audiences), len(kinds))
		}
		var want []models.EventKind
		d.Write(func(tx *gorm.DB) error {
			want = nil
			for _, kind := range kinds {
				seenBy, ok := models.Audiences[kind]
				if !ok {
					t.Errorf("%s has no audience", kind)
				}
				if seenBy == models.CompanyAndStaff {
					want = append(want, kind)
				}
				if err := models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: kind, At: d.DB.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		events, err := d.Connections.Timeline(t.Context(), d.Connection(id))
		d.Must(err)
		var got []models.EventKind
		for _, e := range slices.Backward(events) {
			got = append(got, e.Kind)
		}
		if !slices.Equal(got, want) {
			t.Errorf("a company sees %q, want %q", got, want)
		}
		for _, secret := range []models.EventKind{models.EventTenantConflict, models.EventConflictSettled, models.EventNoted, models.EventStaffViewed} {
			if slices.Contains(got, secret) {
				t.Errorf("a company sees %s", secret)
			}
		}
	})
}

// A kind that this program does not know, such as one of a newer program during
// a rolling upgrade, is for staff only.
func TestUnknownKindIsNotShownToCompanies(t *testing.T) {
	modeltest.OnDesks(t, func(t *testing.T, d *modeltest.StaffDesk) {
		id, sam := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], d.Staff("Sam", accounts.Support)
		d.Write(func(tx *gorm.DB) error {
			for _, kind := range []models.EventKind{"fraud_suspected", models.EventTestPassed} {
				if err := models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: kind, At: d.DB.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		events, err := d.Connections.Timeline(t.Context(), d.Connection(id))
		d.Must(err)
		if len(events) != 1 || events[0].Kind != models.EventTestPassed {
			t.Errorf("a company sees %+v", events)
		}
		v, err := d.Desk.View(t.Context(), sam, id, nil)
		d.Must(err)
		if !slices.ContainsFunc(v.Events, func(e models.Event) bool { return e.Kind == "fraud_suspected" }) {
			t.Errorf("staff see %+v", v.Events)
		}
	})
}

// The company's timeline is read by an index.
func TestTimelineUsesIndexes(t *testing.T) {
	modeltest.OnDesks(t, func(t *testing.T, d *modeltest.StaffDesk) {
		connection := d.Connection(d.Seed(1, d.Clock.Now(), d.Clock.Now())[0])
		modeltest.Explains(t, d.DB, "timeline", func() {
			_, err := d.Connections.Timeline(t.Context(), connection)
			d.Must(err)
		})
	})
}
