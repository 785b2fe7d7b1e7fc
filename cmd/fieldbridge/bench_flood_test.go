package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

const (
	floodPassword = "a short sentence works"
	// floodPeople is how many people sign in on known devices during a flood. As many
	// sign in on new devices.
	floodPeople = 16
	// floodEvery is the time between the arrivals of two people.
	floodEvery = 75 * time.Millisecond
	// floodPatience is the most time that anybody waits for an answer.
	floodPatience = 60 * time.Second
)

// flooded is the product in a process of its own during a flood. It trusts
// X-Forwarded-For from loopback, so all client addresses can be made up.
type flooded struct {
	base  string
	known []*floodPerson
	other []*floodPerson
}

// floodPerson is a person with an account. device is the cookie of a device that has
// signed in before, if there is one.
type floodPerson struct{ email, address, device string }

// floodAnswer is how one request ended.
type floodAnswer struct {
	status int
	header http.Header
	took   time.Duration
}

// newFlooded starts the product on a database that has the people.
func newFlooded(b *testing.B, address string) (*flooded, *process) {
	b.Helper()
	keyset := filepath.Join(b.TempDir(), "keyset.json")
	keys, err := seal.Create(keyset)
	if err != nil {
		b.Fatal(err)
	}
	f := &flooded{}
	err = inDB(b.Context(), config{DatabaseURL: address}, database.Open, func(db *database.DB) error {
		if _, err := accounts.Migrate(b.Context(), db, accounts.MigrationWatch{}); err != nil {
			return err
		}
		people := accounts.New(db, keys, 1)
		for i := range 2 * floodPeople {
			person := &floodPerson{email: fmt.Sprintf("person%d@bench.example", i), address: fmt.Sprintf("10.1.0.%d", i)}
			_, _, err := people.SignUp(b.Context(), accounts.SignUp{
				Company: "Northgate Heating", Name: "Dana Whitfield", Email: person.email,
				Password: secret.New(floodPassword), Address: person.address,
			})
			if err != nil {
				return err
			}
			if i < floodPeople {
				f.known = append(f.known, person)
			} else {
				f.other = append(f.other, person)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	_, issuer := serveStub(b)
	p := startProcess(b, address, keyset, issuer, "FIELDBRIDGE_TRUSTED_PROXIES=127.0.0.1/32")
	f.base = p.base
	for _, person := range f.known {
		in, err := f.signIn(person.email, floodPassword, person.address, "")
		if err != nil || in.status != http.StatusSeeOther {
			b.Fatalf("first sign-in: status %d, %v", in.status, err)
		}
		for _, cookie := range (&http.Response{Header: in.header}).Cookies() {
			if cookie.Name == "fieldbridge_device" {
				person.device = cookie.Name + "=" + cookie.Value
			}
		}
	}
	return f, p
}

// send sends a request on a new connection, like a browser that has just started.
func (f *flooded) send(method, path, form, address, cookie string) (floodAnswer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), floodPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, f.base+path, strings.NewReader(form))
	if err != nil {
		return floodAnswer{}, err
	}
	r.Header.Set("X-Forwarded-For", address)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}
	began := time.Now()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return floodAnswer{took: time.Since(began)}, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return floodAnswer{status: resp.StatusCode, header: resp.Header, took: time.Since(began)}, err
}

func (f *flooded) signIn(email, password, address, device string) (floodAnswer, error) {
	form := url.Values{"email": {email}, "password": {password}}
	return f.send(http.MethodPost, "/signin", form.Encode(), address, device)
}

// flood is what others do at the same time. atOnce is how many requests they send
// together. before prepares what the product must know already.
type flood struct {
	name   string
	atOnce int
	// waves is how often the requests are sent, a quarter of a second apart.
	waves  int
	before func(*flooded) error
	send   func(f *flooded, i int) (floodAnswer, error)
	// victim says that the people with known devices all sign in to the account that is
	// flooded.
	victim bool
}

func floods() []flood {
	anybody := func(f *flooded, i int) (floodAnswer, error) {
		return f.signIn(fmt.Sprintf("nobody%d@bench.example", i), "a wrong one, surely", fmt.Sprintf("10.2.%d.%d", i/250, i%250), "")
	}
	from := func(f *flooded, i int) (floodAnswer, error) {
		return f.signIn(fmt.Sprintf("nobody%d@bench.example", i), "a wrong one, surely", "10.3.0.1", "")
	}
	return []flood{
		{name: "one-account-90-right", atOnce: 90, waves: 1, send: func(f *flooded, _ int) (floodAnswer, error) {
			return f.signIn(f.other[floodPeople-1].email, floodPassword, "10.4.0.1", "")
		}},
		{name: "400-addresses", atOnce: 400, waves: 1, send: anybody},
		{name: "1500-addresses", atOnce: 1500, waves: 1, send: anybody},
		{name: "200-refused", atOnce: 200, waves: 6, send: from, before: func(f *flooded) error {
			for i := range 400 {
				answer, err := from(f, i)
				if err != nil || answer.status == http.StatusTooManyRequests {
					return err
				}
			}
			return errors.New("an address may try without end")
		}},
		{name: "strangers-at-one-account", atOnce: 90, waves: 1, victim: true, send: func(f *flooded, i int) (floodAnswer, error) {
			return f.signIn(f.known[0].email, "a wrong one, surely", fmt.Sprintf("10.5.%d.1", i), "")
		}},
	}
}

// floodFigures are the answers to one kind of people.
type floodFigures struct {
	mu            sync.Mutex
	times         []time.Duration
	retry, failed int
}

func (s *floodFigures) add(answer floodAnswer, err error, want int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := answer.status == http.StatusServiceUnavailable || answer.status == http.StatusTooManyRequests
	switch {
	case err == nil && answer.status == want:
		s.times = append(s.times, answer.took)
	case err == nil && told && answer.header.Get("Retry-After") != "":
		s.retry++
	default:
		s.failed++
	}
}

func (s *floodFigures) median() float64 {
	slices.Sort(s.times)
	return milliseconds(s.times[len(s.times)/2])
}

func (s *floodFigures) report(b *testing.B, name string) {
	b.Helper()
	all := float64(len(s.times) + s.retry + s.failed)
	if n := len(s.times); n > 0 {
		b.ReportMetric(s.median(), name+"-p50-ms")
		b.ReportMetric(milliseconds(s.times[n*99/100]), name+"-p99-ms")
	}
	b.ReportMetric(100*float64(s.retry)/all, name+"-told-to-retry-%")
	b.ReportMetric(100*float64(s.failed)/all, name+"-failed-%")
}

// run floods the product once, while people sign in and read.
func (l flood) run(b *testing.B, f *flooded) {
	b.Helper()
	if l.before != nil {
		if err := l.before(f); err != nil {
			b.Fatal(err)
		}
	}
	var known, other, page, alone, pageAlone floodFigures
	for i := range 5 { // the time that the machine needs without a flood
		answer, err := f.signIn(f.known[i].email, floodPassword, f.known[i].address, f.known[i].device)
		alone.add(answer, err, http.StatusSeeOther)
		answer, err = f.send(http.MethodGet, "/signup", "", "10.6.0.1", "")
		pageAlone.add(answer, err, http.StatusOK)
	}
	var all sync.WaitGroup
	var sent atomic.Int64
	for wave := range l.waves {
		for i := range l.atOnce {
			all.Go(func() {
				<-time.After(time.Duration(wave) * 250 * time.Millisecond)
				if _, err := l.send(f, i); err == nil {
					sent.Add(1)
				}
			})
		}
	}
	for i := range floodPeople {
		all.Go(func() {
			<-time.After(time.Duration(i+1) * floodEvery)
			person := f.known[i]
			if l.victim {
				person = f.known[0]
			}
			answer, err := f.signIn(person.email, floodPassword, f.known[i].address, person.device)
			known.add(answer, err, http.StatusSeeOther)
		})
		all.Go(func() {
			<-time.After(time.Duration(i+1) * floodEvery)
			answer, err := f.signIn(f.other[i].email, floodPassword, f.other[i].address, "")
			other.add(answer, err, http.StatusSeeOther)
		})
		for part := range 3 {
			all.Go(func() {
				<-time.After(time.Duration(i+1)*floodEvery + time.Duration(part)*floodEvery/3)
				answer, err := f.send(http.MethodGet, "/signup", "", "10.6.0.1", "")
				page.add(answer, err, http.StatusOK)
			})
		}
	}
	all.Wait()
	b.ReportMetric(alone.median(), "alone-p50-ms")
	b.ReportMetric(pageAlone.median(), "page-alone-p50-ms")
	known.report(b, "known")
	other.report(b, "other")
	page.report(b, "page")
	b.ReportMetric(float64(sent.Load()), "flood-answered")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFloods measures how long people wait while others flood the sign-in: on a
// known device, on a new device, and on a page that needs no password. The load shares
// the machine's cores with the product.
func BenchmarkFloods(b *testing.B) {
	databases := []struct {
		name string
		at   func(b *testing.B) string
	}{
		{"sqlite", func(b *testing.B) string { return filepath.Join(b.TempDir(), "product.db") }},
		{"postgres", func(b *testing.B) string { return testdb.Durable(b) }},
	}
	for _, database := range databases {
		for _, l := range floods() {
			b.Run(database.name+"/"+l.name, func(b *testing.B) {
				f, p := newFlooded(b, database.at(b))
				for b.Loop() {
					l.run(b, f)
				}
				p.stop(b)
			})
		}
	}
}
