package models

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"gorm.io/gorm"
)

// eventKinds reads the constants from the source, so that a new one is missed
// here at once.
func eventKinds(t *testing.T) (kinds []EventKind) {
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
		kinds = append(kinds, EventKind(kind))
	}
	if len(kinds) < 30 {
		t.Fatalf("found %d kinds of events", len(kinds))
	}
	return kinds
}

// The table says of each kind who may see it, and a company's timeline shows
// exactly what the table gives to companies.
func TestEachKindOfEventHasAnAudience(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id, kinds := d.seed(1, d.clock.Now(), d.clock.Now())[0], eventKinds(t)
		if len(audiences) != len(kinds) {
			t.Errorf("%d kinds have an audience, %d exist", len(audiences), len(kinds))
		}
		var want []EventKind
		d.write(func(tx *gorm.DB) error {
			want = nil
			for _, kind := range kinds {
				seenBy, ok := audiences[kind]
				if !ok {
					t.Errorf("%s has no audience", kind)
				}
				if seenBy == companyAndStaff {
					want = append(want, kind)
				}
				if err := record(tx, Event{CompanyID: d.companyID, ConnectionID: &id, Kind: kind, At: d.db.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		events, err := d.connections.Timeline(t.Context(), d.connection(id))
		d.must(err)
		var got []EventKind
		for _, e := range slices.Backward(events) {
			got = append(got, e.Kind)
		}
		if !slices.Equal(got, want) {
			t.Errorf("a company sees %q, want %q", got, want)
		}
		for _, secret := range []EventKind{EventTenantConflict, EventConflictSettled, EventNoted, EventStaffViewed} {
			if slices.Contains(got, secret) {
				t.Errorf("a company sees %s", secret)
			}
		}
	})
}

// A kind that this program does not know, such as one of a newer program during
// a rolling upgrade, is for staff only.
func TestUnknownKindIsNotShownToCompanies(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id, sam := d.seed(1, d.clock.Now(), d.clock.Now())[0], d.staff("Sam", Support)
		d.write(func(tx *gorm.DB) error {
			for _, kind := range []EventKind{"fraud_suspected", EventTestPassed} {
				if err := record(tx, Event{CompanyID: d.companyID, ConnectionID: &id, Kind: kind, At: d.db.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		events, err := d.connections.Timeline(t.Context(), d.connection(id))
		d.must(err)
		if len(events) != 1 || events[0].Kind != EventTestPassed {
			t.Errorf("a company sees %+v", events)
		}
		v, err := d.desk.View(t.Context(), sam, id, nil)
		d.must(err)
		if !slices.ContainsFunc(v.Events, func(e Event) bool { return e.Kind == "fraud_suspected" }) {
			t.Errorf("staff see %+v", v.Events)
		}
	})
}

// The company's timeline is read by an index.
func TestTimelineUsesIndexes(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		connection := d.connection(d.seed(1, d.clock.Now(), d.clock.Now())[0])
		explains(t, d.db, "timeline", func() {
			_, err := d.connections.Timeline(t.Context(), connection)
			d.must(err)
		})
	})
}
