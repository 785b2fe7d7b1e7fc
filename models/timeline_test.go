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
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// eventKinds reads the constants from the source, so that the tests below also cover
// kinds that are added later.
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

// The table audiences has every kind, and a company's timeline shows exactly the
// kinds that the table lets companies see.
func TestEachKindOfEventHasAnAudience(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
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
		history, err := d.Connections.History(t.Context(), connect.Page{Connection: d.Connection(id)}, models.WholeTimeline)
		d.Must(err)
		events := history.Events
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

// Each part of a timeline has exactly the events that belong to it, for a company and for
// staff. The table partsOf has every kind.
func TestPartsOfTheTimeline(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, kinds := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], eventKinds(t)
		d.Write(func(tx *gorm.DB) error {
			for i, kind := range kinds {
				e := models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: kind, At: d.DB.Now()}
				if i%2 == 1 {
					e.ActorName = "Amy"
				}
				if err := models.Record(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		belongs := map[models.TimelinePart]func(e models.Event) bool{
			models.WholeTimeline: func(models.Event) bool { return true },
			models.Problems:      func(e models.Event) bool { return models.PartsOf[e.Kind].Problem },
			models.ByPeople:      func(e models.Event) bool { return e.ActorName != "" },
			models.SettingUp:     func(e models.Event) bool { return models.PartsOf[e.Kind].Setup },
		}
		all, sam := map[models.TimelinePart][]models.Event{}, d.Staff("Sam", accounts.Support)
		for _, part := range models.TimelineParts() {
			history, err := d.Connections.History(t.Context(), connect.Page{Connection: d.Connection(id)}, part)
			d.Must(err)
			var want []models.EventKind
			for _, e := range all[models.WholeTimeline] {
				if belongs[part](e) {
					want = append(want, e.Kind)
				}
			}
			if all[part] = history.Events; part != models.WholeTimeline && (len(want) < 5 || !slices.Equal(kindsOf(all[part]), want)) {
				t.Errorf("%q shows a company %q, want %q", part, kindsOf(all[part]), want)
			}
			v, err := d.Support.View(t.Context(), sam, id, support.TimelinePlace{Part: part})
			d.Must(err)
			for _, e := range v.Events {
				if !belongs[part](e) {
					t.Errorf("%q shows staff %s", part, e.Kind)
				}
			}
		}
		if len(models.PartsOf) != len(kinds) {
			t.Errorf("%d kinds have parts, %d exist", len(models.PartsOf), len(kinds))
		}
		if got := models.ParseTimelinePart("' OR true"); got != models.WholeTimeline {
			t.Errorf("an unknown part is %q", got)
		}
	})
}

func kindsOf(events []models.Event) (kinds []models.EventKind) {
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// Only staff see a kind that this version does not know, such as a newer version's
// during a rolling upgrade.
func TestUnknownKindIsNotShownToCompanies(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, sam := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], d.Staff("Sam", accounts.Support)
		d.Write(func(tx *gorm.DB) error {
			for _, kind := range []models.EventKind{"fraud_suspected", models.EventTestPassed} {
				if err := models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: kind, At: d.DB.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		history, err := d.Connections.History(t.Context(), connect.Page{Connection: d.Connection(id)}, models.WholeTimeline)
		d.Must(err)
		events := history.Events
		if len(events) != 1 || events[0].Kind != models.EventTestPassed {
			t.Errorf("a company sees %+v", events)
		}
		v, err := d.Support.View(t.Context(), sam, id, support.TimelinePlace{})
		d.Must(err)
		if !slices.ContainsFunc(v.Events, func(e models.Event) bool { return e.Kind == "fraud_suspected" }) {
			t.Errorf("staff see %+v", v.Events)
		}
	})
}

// Both databases read the company's timeline through an index.
func TestTimelineUsesIndexes(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		connection := d.Connection(d.Seed(1, d.Clock.Now(), d.Clock.Now())[0])
		modeltest.Explains(t, d.DB, "timeline", func() {
			_, err := d.Connections.History(t.Context(), connect.Page{Connection: connection}, models.WholeTimeline)
			d.Must(err)
		})
	})
}
