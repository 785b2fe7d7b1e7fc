package sandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// What people do is remembered by tenant, until the next reset.
func TestHappened(t *testing.T) {
	t.Parallel()
	s := start(t, withMailbox)
	const tenant, other = 842193311, 617402958
	happened := func(what sandbox.Deed, tenantID int64) bool { return !s.Happened(what, tenantID).IsZero() }
	did := func(what string, was func() bool, do func()) {
		t.Helper()
		if was() {
			t.Errorf("%s has happened before anybody did it", what)
		}
		do()
		if !was() {
			t.Errorf("%s has not happened", what)
		}
	}
	did("allowing", func() bool { return happened(sandbox.Allowed, tenant) }, func() { s.connect(tenant) })
	if happened(sandbox.Allowed, other) || happened(sandbox.Denied, tenant) {
		t.Error("what one tenant allowed, another one allowed or it denied")
	}
	begun := s.Now()
	s.pass(time.Second)
	token := s.connect(other)
	did("a renewal", func() bool { return s.RenewedSince(other, begun) }, func() {
		if _, err := s.refresh(t.Context(), token.RefreshToken); err != nil {
			t.Fatal(err)
		}
	})
	if s.RenewedSince(tenant, begun) || s.RenewedSince(other, s.Now().Add(time.Second)) {
		t.Error("another tenant was renewed, or it was renewed later")
	}
	did("withdrawing", func() bool { return happened(sandbox.Deed(sandbox.Withdraw), tenant) }, func() {
		if _, err := s.Do(sandbox.Withdraw, tenant); err != nil {
			t.Fatal(err)
		}
	})
	did("expiring everywhere", func() bool { return happened(sandbox.Deed(sandbox.Expire), tenant) }, func() {
		if _, err := s.Do(sandbox.Expire, 0); err != nil {
			t.Fatal(err)
		}
	})
	did("an outage", func() bool { return happened(sandbox.TookDown, 0) }, func() {
		if _, err := s.TakeDown(sandbox.Fault{Kind: sandbox.Status503}); err != nil {
			t.Fatal(err)
		}
	})
	did("its end", func() bool { return happened(sandbox.BroughtBack, 0) }, func() { s.BringBack() })
	did("allowing the app", func() bool { return s.InstallOf(tenant).Allowed }, func() {
		if err := s.Allow(tenant); err != nil {
			t.Fatal(err)
		}
	})
	did("generating a second secret", func() bool { return s.InstallOf(tenant).Second }, func() {
		if _, _, err := s.Generate(tenant, 2); err != nil {
			t.Fatal(err)
		}
	})
	s.Deliver(letter("First"))
	did("opening a letter", func() bool { return s.Opened("dana@northgate.example", "First") }, func() {
		if r := s.get("/mailbox/1"); r.status != http.StatusOK {
			t.Fatal(r.status)
		}
	})
	if s.Opened("theo@northgate.example", "First") || s.Opened("dana@northgate.example", "Second") {
		t.Error("another letter is open")
	}
	s.Reset()
	if happened(sandbox.Allowed, tenant) || s.InstallOf(tenant).Allowed {
		t.Error("a reset forgets nothing")
	}
	if got := s.InstallOf(1); got != (sandbox.Install{}) {
		t.Errorf("an unknown tenant has %+v", got)
	}
}
