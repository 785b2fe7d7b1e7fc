package sandbox_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// account is a tenant's two kinds of access: a sign-in, and a client of its own.
type account struct {
	refresh, signedIn string
	client, secret    string
	own               string
}

func (s *stand) account(tenantID int64) account {
	s.Helper()
	token := s.connect(tenantID)
	form := s.ownClient(tenantID)
	return account{
		refresh: token.RefreshToken, signedIn: token.AccessToken,
		client: form.Get("client_id"), secret: form.Get("client_secret"), own: s.ownToken(form).AccessToken,
	}
}

// TestActions checks what each action leaves of a tenant's access, and that another
// tenant's access stays.
func TestActions(t *testing.T) {
	t.Parallel()
	const ok, noToken, notAllowed = http.StatusOK, http.StatusUnauthorized, http.StatusForbidden
	tests := map[sandbox.Action]struct {
		count          int
		signedIn, own  int    // the API's answers to the access tokens
		refresh, renew string // the error code of a renewal by each, or empty
	}{
		sandbox.Expire:     {2, noToken, noToken, "", ""},
		sandbox.Revoke:     {1, noToken, ok, "invalid_grant", ""},
		sandbox.Withdraw:   {2, notAllowed, notAllowed, "invalid_grant", "invalid_client"},
		sandbox.NewVersion: {1, ok, ok, "", ""},
		sandbox.Regenerate: {1, ok, ok, "", "invalid_client"},
		// The check of a connection reads business units, and the lost scope is about
		// something else.
		sandbox.LoseScope:       {1, ok, ok, "", ""},
		sandbox.RefuseScope:     {1, ok, ok, "", ""},
		sandbox.DisableSilently: {1, notAllowed, notAllowed, "", ""},
		sandbox.Restore:         {1, ok, ok, "", ""},
	}
	for _, action := range sandbox.Actions() {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			want, known := tests[action]
			if !known {
				t.Fatal("this action has no row")
			}
			s := start(t)
			mine, other := s.account(northgate), s.account(south)
			if action == sandbox.Restore {
				_, err := s.Do(sandbox.DisableSilently, northgate)
				s.do(err)
			}
			done, err := s.Do(action, northgate)
			if err != nil || done.Count != want.count {
				t.Fatalf("done %d, %v, want %d", done.Count, err, want.count)
			}
			if n := s.ActionsDone(action); n != 1 {
				t.Errorf("counted %d times", n)
			}
			s.wantAPI(northgate, mine.signedIn, want.signedIn)
			s.wantAPI(northgate, mine.own, want.own)
			if got := s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", mine.refresh)).oauthError(); got != want.refresh {
				t.Errorf("refreshing: %q, want %q", got, want.refresh)
			}
			own := tokenForm("grant_type", "client_credentials", "client_id", mine.client, "client_secret", mine.secret)
			if got := s.post("/connect/token", own).oauthError(); got != want.renew {
				t.Errorf("client credentials: %q, want %q", got, want.renew)
			}
			s.wantAPI(south, other.signedIn, ok)
			s.wantAPI(south, other.own, ok)
			if s.Reset(); s.ActionsDone(action) != 0 {
				t.Error("a reset left the count")
			}
		})
	}
}

func TestActionsToAll(t *testing.T) {
	t.Parallel()
	for action, count := range map[sandbox.Action]int{sandbox.Expire: 4, sandbox.Revoke: 2, sandbox.Withdraw: 4, sandbox.NewVersion: 2, sandbox.Restore: 0} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.account(northgate)
			s.account(south)
			if done, err := s.Do(action, 0); err != nil || done.Count != count {
				t.Errorf("done %d, %v, want %d", done.Count, err, count)
			}
		})
	}
}

// An action that cannot be done says why, and is not counted.
func TestActionsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		action   sandbox.Action
		tenantID int64
		want     error
	}{
		"no such action":        {"boil", northgate, nil},
		"no such tenant":        {sandbox.Expire, 12, sandbox.ErrNoTenant},
		"a secret for all":      {sandbox.Regenerate, 0, nil},
		"a secret, not allowed": {sandbox.Regenerate, northgate, sandbox.ErrNotConnected},
		"a secret, not added":   {sandbox.Regenerate, harbor, sandbox.ErrNotAdded},
		"a version for nobody":  {sandbox.NewVersion, 0, sandbox.ErrNotConnected},
		"nothing to restore":    {sandbox.Restore, northgate, sandbox.ErrNothingToRestore},
	} {
		if _, err := s.Do(test.action, test.tenantID); err == nil || (test.want != nil && !errors.Is(err, test.want)) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if n := s.ActionsDone(test.action); n != 0 {
			t.Errorf("%s: counted", name)
		}
	}
	s.do(s.Allow(northgate))
	s.PublishVersion([]string{"tn.stt.businessunits:r"})
	if _, err := s.Do(sandbox.NewVersion, northgate); err == nil {
		t.Error("a version lost its only scope")
	}
}

// A new version waits for the tenant's admin, and has one scope more.
func TestNewVersionAwaitsTheUpgrade(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := s.ownClient(northgate)
	all := s.ownToken(form).Scope
	for range 2 { // pressing it twice changes nothing more
		if _, err := s.Do(sandbox.NewVersion, northgate); err != nil {
			t.Fatal(err)
		}
		if got := s.ownToken(form).Scope; got != strings.Replace(all, " tn.crm.bookings:rw", "", 1) {
			t.Errorf("scopes %s before the upgrade", got)
		}
	}
	page := s.get("/tenant/842193311/review").body
	if !strings.Contains(page, "View and change bookings <b>added</b>") {
		t.Errorf("the review does not name the scope:\n%s", page)
	}
	s.do(s.Upgrade(northgate))
	if got := s.ownToken(form).Scope; got != all {
		t.Errorf("scopes %s after the upgrade", got)
	}
}

// A new version is offered only to tenants that lack a scope.
func TestNewVersionIsOfferedToWhoLacksIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.ownClient(northgate)
	s.ownClient(south)
	done, err := s.Do(sandbox.NewVersion, northgate)
	s.do(err)
	for path, offered := range map[string]bool{"/tenant/842193311": true, "/tenant/905118274": false} {
		if page := s.get(path).body; strings.Contains(page, "New Version Available") != offered {
			t.Errorf("%s, offered %t:\n%s", path, offered, page)
		}
	}
	if done.Count != 1 {
		t.Errorf("it waits for %d, want 1", done.Count)
	}
	s.get("/tenant/905118274/review").location(t) // there is nothing to review
}

// After a secret is regenerated, no older secret works.
func TestRegenerateEndsBothSecrets(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := s.ownClient(northgate)
	_, second, err := s.Generate(northgate, 2)
	s.do(err)
	done, err := s.Do(sandbox.Regenerate, northgate)
	s.do(err)
	for _, old := range []string{form.Get("client_secret"), second} {
		form.Set("client_secret", old)
		s.wantRefused(s.post("/connect/token", form), "invalid_client")
	}
	form.Set("client_secret", done.ClientSecret)
	if s.ownToken(form); done.ClientID != form.Get("client_id") {
		t.Errorf("client ID %s, want %s", done.ClientID, form.Get("client_id"))
	}
}
