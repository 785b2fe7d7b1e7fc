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
)

// A session that an earlier program wrote with gob means the same to this program.
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
		until, read, err := codec.Decode(data)
		if err != nil || !until.Equal(deadline) || name == "full" && !reflect.DeepEqual(read, values.now) {
			t.Errorf("%s: got %v, %v, %v; want %v", name, read, until, err, values.now)
		}
		if data, err = old.Encode(deadline, values.before); err != nil {
			t.Fatal(err)
		}
		until, got, err := codec.Decode(data)
		if err != nil || !until.Equal(deadline) || !reflect.DeepEqual(got, read) {
			t.Errorf("%s, of an earlier program: got %v, %v, %v; want %v", name, got, until, err, read)
		}
	}
}

// An upgrade signs nobody out.
func TestSignedInByEarlierPrograms(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	data, err := scs.GobCodec{}.Encode(time.Now().Add(time.Hour), map[string]any{
		"user": a.lookup("SELECT user_id FROM sessions"), "company": a.lookup("SELECT id FROM companies"), "epoch": 0, "binding": "binding",
	})
	if err != nil {
		t.Fatal(err)
	}
	a.exec("UPDATE sessions SET data = ?", data)
	amy.get("/connections").want(a, 200)
	amy.connect("sandbox", northgate)
}

// Data that no program wrote signs nobody in.
func TestSessionsOfNoProgram(t *testing.T) {
	codec := handlers.SessionCodec{}
	full, _ := handlers.KeptValues(uuid.New(), uuid.New(), time.Now())
	data, err := codec.Encode(time.Now(), full)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]string{
		"nothing":         "",
		"text":            "a session",
		"only a mark":     string(data[:5]),
		"too short":       string(data[:len(data)-1]),
		"one more":        string(data) + "x",
		"a later version": strings.Replace(string(data), "FBS\x01", "FBS\x02", 1),
		"unknown flags":   string(data[:5]) + "\xff" + string(data[6:]),
	} {
		if _, values, err := codec.Decode([]byte(broken)); err == nil {
			t.Errorf("%s: got %v", name, values)
		}
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
		f.Add(data[:min(len(data), 40)])
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
