package support_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/support"
)

func TestParseNote(t *testing.T) {
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
	tests := []struct {
		typed, kept string
		problem     support.NoteProblem
	}{
		{"  Called.\r\nDana reconnects.\r", "Called.\nDana reconnects.", support.NoteFine},
		{"שלום 👩‍🔧 \u200b\u202eabc <b>x</b> \tx", "שלום 👩‍🔧 \u200b\u202eabc <b>x</b> \tx", support.NoteFine},
		{strings.Repeat("é", 2000), strings.Repeat("é", 2000), support.NoteFine},
		{strings.Repeat("é", 2001), strings.Repeat("é", 2001), support.NoteTooLong},
		{"", "", support.NoteEmpty},
		{" \r\n\t ", "", support.NoteEmpty},
		{"a\x1b[31mb", "a\x1b[31mb", support.NoteUnreadable},
		{"They made cs1 and cs2 anew, and asked for fbk and ak1.", "They made cs1 and cs2 anew, and asked for fbk and ak1.", support.NoteFine},
		{"See https://docs1.example.com/eyJ and 019ab000-0000-7000-8000-000000000001", "See https://docs1.example.com/eyJ and 019ab000-0000-7000-8000-000000000001", support.NoteFine},
		{"It is cs1.abcdefgh1234, they say", "It is [taken out], they say", support.NoteHasSecret},
		{"secret=CS2.ABCDEFGH1234==", "secret=[taken out]", support.NoteHasSecret},
		{"ak1.abcdefgh1234.x", "[taken out]", support.NoteHasSecret},
		{"(fbk_abcdefghij)", "([taken out])", support.NoteHasSecret},
		{"Bearer " + jwt + " and " + jwt, "Bearer [taken out] and [taken out]", support.NoteHasSecret},
		{"two\ncs1.abcdefgh1234\nlines", "two\n[taken out]\nlines", support.NoteHasSecret},
	}
	for _, tt := range tests {
		if kept, problem := support.ParseNote(tt.typed); kept != tt.kept || problem != tt.problem {
			t.Errorf("%.40q: %.40q, %q; want %.40q, %q", tt.typed, kept, problem, tt.kept, tt.problem)
		}
	}
}

// The text that ParseNote returns has no secret. Parsing a note without a problem
// again gives the same text.
func FuzzParseNote(f *testing.F) {
	f.Add("cs1.cs1.abcdefgh eyJabcdefgh.abcd")
	f.Fuzz(func(t *testing.T, typed string) {
		text, problem := support.ParseNote(typed)
		if secret.InText(text) {
			t.Errorf("%q leaves %q", typed, text)
		}
		if again, still := support.ParseNote(text); problem == support.NoteFine && (again != text || still != support.NoteFine) {
			t.Errorf("%q is kept as %q, and that as %q, %q", typed, text, again, still)
		}
	})
}

func TestNotes(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		sam, ada := d.Staff("Sam", accounts.Support), d.Staff("Ada", accounts.Admin)
		var all sync.WaitGroup
		for range 8 { // a double click
			all.Go(func() {
				if err := d.Support.AddNote(t.Context(), sam, id, "Called."); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		d.Must(d.Support.AddNote(t.Context(), ada, id, "Called."))
		d.Must(d.Support.AddNote(t.Context(), sam, id, "Called."))
		for _, text := range []string{"", "cs1.abcdefgh1234", strings.Repeat("x", 2001)} {
			if err := d.Support.AddNote(t.Context(), sam, id, text); err == nil {
				t.Errorf("%.20q was kept", text)
			}
		}
		if err := d.Support.AddNote(t.Context(), sam, database.NewID(), "x"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a note on nothing: %v", err)
		}
		v, err := d.Support.View(t.Context(), sam, id, support.TimelinePlace{})
		d.Must(err)
		var who []string
		for _, n := range v.Notes {
			who = append(who, n.StaffName+" "+n.Text)
		}
		if !slices.Equal(who, []string{"Sam Called.", "Ada Called.", "Sam Called."}) {
			t.Errorf("notes %q", who)
		}
	})
}
