package handlers_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// A session survives a rolling upgrade in both directions: this program reads what an
// earlier one wrote, and an earlier one reads what this program wrote.
func TestSessionsOfEarlierPrograms(t *testing.T) {
	codec, old := handlers.SessionCodec{}, scs.GobCodec{}
	deadline := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	full, before := handlers.KeptValues(uuid.New(), uuid.New(), deadline)
	for name, values := range map[string]struct{ now, before map[string]any }{
		"full":  {full, before},
		"empty": {map[string]any{}, map[string]any{}},
	} {
		data, err := codec.Encode(deadline, values.now)
		if err != nil {
			t.Fatal(err)
		}
		until, got, err := old.Decode(data)
		if err != nil || !until.Equal(deadline) || len(got)+len(values.before) > 0 && !reflect.DeepEqual(got, values.before) {
			t.Errorf("%s: an earlier program reads %v, %v, %v; want %v", name, got, until, err, values.before)
		}
		until, read, err := codec.Decode(data)
		if err != nil || !until.Equal(deadline) || name == "full" && !reflect.DeepEqual(read, values.now) {
			t.Errorf("%s: got %v, %v, %v; want %v", name, read, until, err, values.now)
		}
		if data, err = old.Encode(deadline, values.before); err != nil {
			t.Fatal(err)
		}
		until, got, err = codec.Decode(data)
		if err != nil || !until.Equal(deadline) || !reflect.DeepEqual(got, read) {
			t.Errorf("%s, of an earlier program: got %v, %v, %v; want %v", name, got, until, err, read)
		}
	}
}

// People stay signed in while old and new instances serve them in turns.
func TestSignedInByEarlierPrograms(t *testing.T) {
	a := newAppOn(t, testdb.Postgres(t))
	amy := a.signUp("A", "Amy")
	review := amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "842193311").want(a, 303, "/connect/review").location
	ofEarlier := func() {
		t.Helper()
		var data []byte
		if err := a.db.ReadRow(t.Context(), "SELECT data FROM sessions", nil, &data); err != nil {
			t.Fatal(err)
		}
		deadline, values, err := scs.GobCodec{}.Decode(data)
		if err == nil {
			data, err = scs.GobCodec{}.Encode(deadline, values)
		}
		if err != nil {
			t.Fatal(err)
		}
		a.exec("UPDATE sessions SET data = ?", data)
	}
	ofEarlier()
	page := amy.get(review).want(a, 200, "Review the access")
	amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "905118274").want(a, 303)
	ofEarlier()
	authorize := amy.post("/connect/authorize", "choice", hidden(t, page.body, "choice")).want(a, 303).location
	amy.get(amy.atServiceTitan(authorize, northgate, "Allow")).want(a, 303, "/connections/")
	sam := a.staff("Sam", accounts.Support)
	sam.get("/staff").want(a, 200)
}

// Data that no program wrote signs nobody in.
func TestSessionsOfNoProgram(t *testing.T) {
	codec := handlers.SessionCodec{}
	full, _ := handlers.KeptValues(uuid.New(), uuid.New(), time.Now())
	data, err := codec.Encode(time.Now(), full)
	if err != nil {
		t.Fatal(err)
	}
	const tail = 12 // the length and the mark
	end := len(data) - tail
	for name, broken := range map[string]string{
		"nothing":     "",
		"text":        "a session",
		"only a mark": string(data[len(data)-8:]),
		"no fields":   "\x00\x00\x00\x00" + string(data[len(data)-8:]),
		"too long":    "\xff\xff\xff\xff" + string(data[len(data)-8:]),
		"too short":   string(data[:end-1]) + string(data[end:]),
		"one more":    string(data[:end]) + "x" + string(data[end:]),
		"a cut gob":   string(data[:20]),
	} {
		if _, values, err := codec.Decode([]byte(broken)); err == nil {
			t.Errorf("%s: got %v", name, values)
		}
	}
	// A later version is read in the form that every program understands.
	later := []byte(strings.Replace(string(data), "FBS\x01", "FBS\x02", 1))
	if _, values, err := codec.Decode(later); err != nil || !reflect.DeepEqual(values, full) {
		t.Errorf("a later version: %v, %v", values, err)
	}
}

// Reading a session costs little, because every request does it.
func TestSessionsAreCheapToRead(t *testing.T) {
	codec := handlers.SessionCodec{}
	full, _ := handlers.KeptValues(uuid.New(), uuid.New(), time.Now())
	data, err := codec.Encode(time.Now(), full)
	if err != nil {
		t.Fatal(err)
	}
	const most = 4 // the text, the value, and the map that scs wants
	if n := testing.AllocsPerRun(100, func() { _, _, err = codec.Decode(data) }); n > most || err != nil {
		t.Errorf("%v allocations, %v; want %d at most", n, err, most)
	}
}

// FuzzSessionCodec checks that data of any kind is either refused or means the same
// after it was written again.
func FuzzSessionCodec(f *testing.F) {
	codec := handlers.SessionCodec{}
	full, _ := handlers.KeptValues(uuid.New(), uuid.New(), time.Now())
	for _, values := range []map[string]any{full, {}} {
		data, err := codec.Encode(time.Now(), values)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[len(data)-100:])
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		deadline, values, err := codec.Decode(data)
		if err != nil {
			if !errors.Is(err, handlers.ErrSession) {
				t.Fatal(err)
			}
			return
		}
		handlers.ReadLists(values)
		again, err := codec.Encode(deadline, values)
		if err != nil {
			return // scs refuses the deadline
		}
		if until, got, err := codec.Decode(again); err != nil || until.Unix() != deadline.Unix() || !reflect.DeepEqual(got, values) {
			t.Fatalf("got %v, %v, %v; want %v, %v", got, until, err, values, deadline)
		}
	})
}

func BenchmarkSessionDecode(b *testing.B) {
	full, _ := handlers.KeptValues(uuid.New(), uuid.New(), time.Now())
	data, err := handlers.SessionCodec{}.Encode(time.Now(), full)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes", len(data))
	b.Run("compact", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = handlers.SessionCodec{}.Decode(data)
		}
	})
	b.Run("gob", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = scs.GobCodec{}.Decode(data)
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = handlers.SessionCodec{}.Encode(time.Now(), full)
		}
	})
}
