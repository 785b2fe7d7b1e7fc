package accounts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

func TestAPIKeyIsThrottled(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		keys := accounts.NewAPIKeys(db)
		_, secret, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "sync", Scopes: accounts.Scopes()})
		if err != nil {
			t.Fatal(err)
		}
		_, other, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "other", Scopes: accounts.Scopes()})
		if err != nil {
			t.Fatal(err)
		}
		for i := range accounts.KeyBurst {
			if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err != nil {
				t.Fatalf("use %d: %v", i, err)
			}
		}
		if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err == nil {
			t.Error("no use of the key was refused")
		} else if _, ok := errors.AsType[*accounts.ThrottledError](err); !ok {
			t.Error(err)
		}
		if _, err := keys.Check(t.Context(), other, "203.0.113.7"); err != nil {
			t.Errorf("another key was refused too: %v", err)
		}
		clock.Add(time.Second)
		if _, err := keys.Check(t.Context(), secret, "203.0.113.7"); err != nil {
			t.Errorf("after a second: %v", err)
		}
		if err := keys.Revoke(t.Context(), accounts.CommandLine("root"), nil, uuid.New()); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("revoking an unknown key: got %v", err)
		}
	})
}

// A rolled key has two secrets during the overlap. After it, or when somebody ends it,
// the old one is refused like any key, and the refusal is counted.
func TestRolledKeyOverlaps(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, root, keys := t.Context(), accounts.CommandLine("root"), accounts.NewAPIKeys(d.DB)
		key, first, err := keys.Create(ctx, root, accounts.NewKey{CompanyID: &d.CompanyID, Name: "sync", Scopes: accounts.Scopes()})
		d.Must(err)
		check := func(when string, sent secret.Value, works bool) {
			t.Helper()
			got, err := keys.Check(ctx, sent, "203.0.113.7")
			if works != (err == nil) || works && (got.ID != key.ID || !got.May(accounts.ScopeProxy)) || !works && !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s: got %v, %v", when, got.ID, err)
			}
		}
		roll := func(overlap time.Duration) secret.Value {
			t.Helper()
			rolled, made, err := keys.Roll(ctx, root, nil, key.ID, accounts.KeyRoll{Overlap: overlap})
			d.Must(err)
			if rolled.ID != key.ID || !rolled.OldUntil.Equal(d.DB.Now().Add(overlap)) {
				t.Errorf("rolled %+v", rolled)
			}
			return made
		}
		second := roll(time.Hour)
		check("old secret", first, true)
		check("new secret", second, true)
		d.Must(keys.Flush(ctx))
		line, err := keys.Key(ctx, &d.CompanyID, key.ID)
		d.Must(err)
		if line.OldUsedAt == nil || !line.OldUsedAt.Equal(d.DB.Now()) || line.LastUsedAddress != "203.0.113.7" || line.CompanyName == "" {
			t.Errorf("the list shows %+v", line)
		}
		d.Clock.Add(time.Hour)
		check("old secret after the overlap", first, false)
		check("new secret after the overlap", second, true)
		d.Must(keys.Flush(ctx))
		if n := d.Count("SELECT refused FROM api_keys WHERE id = ?", key.ID); n != 1 {
			t.Errorf("%d refusals", n)
		}
		third := roll(time.Hour)
		check("secret of two rolls before", first, false)
		fourth := roll(time.Hour)
		check("secret that was rolled twice within the hour", second, false)
		check("old secret", third, true)
		d.Must(keys.EndOld(ctx, root, nil, key.ID))
		check("old secret that was ended", third, false)
		check("current secret", fourth, true)
		if err := keys.EndOld(ctx, root, nil, key.ID); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("ending it again: got %v", err)
		}
		fifth := roll(0)
		check("old secret without an overlap", fourth, false)
		d.Must(keys.Revoke(ctx, root, nil, key.ID))
		check("revoked", fifth, false)
		if _, _, err := keys.Roll(ctx, root, nil, key.ID, accounts.KeyRoll{}); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("rolling a revoked key: got %v", err)
		}
	})
}

func TestKeysExpire(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		ctx, root, keys := t.Context(), accounts.CommandLine("root"), accounts.NewAPIKeys(db)
		until := db.Now().Add(time.Hour)
		n := accounts.NewKey{Name: "sync", Scopes: accounts.Scopes(), ExpiresAt: &until}
		key, sent, err := keys.Create(ctx, root, n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Check(ctx, sent, "203.0.113.7"); err != nil {
			t.Error(err)
		}
		// The old secret ends with the key, however long the overlap is.
		rolled, made, err := keys.Roll(ctx, root, nil, key.ID, accounts.KeyRoll{Overlap: 2 * time.Hour})
		if err != nil || !rolled.OldUntil.Equal(until) || rolled.ExpiresAt != nil {
			t.Errorf("rolled %+v, %v", rolled, err)
		}
		clock.Add(time.Hour)
		if _, err := keys.Check(ctx, sent, "203.0.113.7"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("old secret after its key would have expired: got %v", err)
		}
		if _, err := keys.Check(ctx, made, "203.0.113.7"); err != nil {
			t.Error(err)
		}
		for what, err := range map[string]error{
			"made":   second(keys.Create(ctx, root, n)),
			"rolled": second(keys.Roll(ctx, root, nil, key.ID, accounts.KeyRoll{ExpiresAt: &until})),
		} {
			if !errors.Is(err, accounts.ErrExpired) {
				t.Errorf("expired when %s: got %v", what, err)
			}
		}
		if _, _, err := keys.Roll(ctx, root, nil, key.ID, accounts.KeyRoll{Overlap: accounts.LongestOverlap + 1}); !errors.Is(err, accounts.ErrOverlap) {
			t.Errorf("too long an overlap: got %v", err)
		}
		soon := db.Now().Add(time.Minute)
		if _, made, err = keys.Roll(ctx, root, nil, key.ID, accounts.KeyRoll{ExpiresAt: &soon}); err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Minute)
		if _, err := keys.Check(ctx, made, "203.0.113.7"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("expired: got %v", err)
		}
	})
}

func second(_ accounts.APIKey, _ secret.Value, err error) error { return err }

// A company finds and changes only its own keys, and has a limited number of them.
func TestCompaniesHaveTheirOwnKeys(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, keys := t.Context(), accounts.NewAPIKeys(d.DB)
		amy, other := d.Owner(), database.NewID()
		d.Exec("INSERT INTO companies (id, name, created_at) VALUES (?, 'Bluebird', ?)", other, d.DB.Now())
		d.Exec("INSERT INTO memberships (company_id, user_id, role, created_at) VALUES (?, ?, 'owner', ?)", other, amy.UserID, d.DB.Now())
		al := amy
		al.CompanyID = other
		n := accounts.NewKey{CompanyID: &other, Name: "sync", Scopes: accounts.Scopes()}
		key, sent, err := keys.CreateOwn(ctx, amy, n)
		d.Must(err)
		if *key.CompanyID != d.CompanyID {
			t.Error("the key is another company's")
		}
		settings := accounts.KeySettings{Name: "mine", Scopes: accounts.Scopes()}
		for what, err := range map[string]error{
			"change":  keys.Change(ctx, al.Actor(), &other, key.ID, settings),
			"roll":    second(keys.Roll(ctx, al.Actor(), &other, key.ID, accounts.KeyRoll{})),
			"revoke":  keys.Revoke(ctx, al.Actor(), &other, key.ID),
			"end old": keys.EndOld(ctx, al.Actor(), &other, key.ID),
		} {
			if !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s: got %v", what, err)
			}
		}
		if _, err := keys.Key(ctx, &other, key.ID); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("read: got %v", err)
		}
		if list, _, err := keys.Page(ctx, &other, accounts.KeyFilter{}); err != nil || len(list) != 0 {
			t.Errorf("list: got %v, %v", list, err)
		}
		if _, err := keys.Check(ctx, sent, "203.0.113.7"); err != nil {
			t.Error(err)
		}
		d.Must(keys.Change(ctx, amy.Actor(), &d.CompanyID, key.ID, accounts.KeySettings{Name: "ERP", Scopes: []accounts.Scope{accounts.ScopeProxy}, ReturnURLs: []string{"https://erp.example/back"}}))
		if got, err := keys.Check(ctx, sent, "203.0.113.7"); err != nil || got.Name != "ERP" || got.May(accounts.ScopeTokensRead) || !got.MayReturnTo("https://erp.example/back") {
			t.Errorf("changed: got %+v, %v", got, err)
		}
		if n := d.Count("SELECT count(*) FROM audit_records WHERE company_id = ? AND detail IN ('sync', 'ERP') AND actor_name = ?", d.CompanyID, amy.Name); n != 2 {
			t.Errorf("%d records in the company's activity", n)
		}
		for range accounts.KeysPerCompany - 1 {
			_, _, err := keys.CreateOwn(ctx, amy, n)
			d.Must(err)
		}
		if _, _, err := keys.CreateOwn(ctx, amy, n); !errors.Is(err, accounts.ErrTooManyKeys) {
			t.Errorf("one more: got %v", err)
		}
		_, _, err = keys.CreateOwn(ctx, al, n)
		d.Must(err) // another company has room
		_, _, err = keys.Create(ctx, accounts.CommandLine("root"), accounts.NewKey{CompanyID: &d.CompanyID, Name: "ours", Scopes: accounts.Scopes()})
		d.Must(err) // and so has the operator
		d.Must(keys.Revoke(ctx, amy.Actor(), &d.CompanyID, key.ID))
		if ended, _, err := keys.Page(ctx, &d.CompanyID, accounts.KeyFilter{Ended: true}); err != nil || len(ended) != 1 || ended[0].ID != key.ID {
			t.Errorf("ended: got %v, %v", ended, err)
		}
		if n := d.Count("SELECT count(*) FROM audit_records WHERE company_id IS NULL AND target_id = ?", key.ID); n != 0 {
			t.Errorf("%d records of staff about a company's key", n)
		}
	})
}

func TestKeyScopes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"proxy":                              "proxy",
		"tokens:read, connections:read":      "connections:read tokens:read",
		"proxy proxy,webhooks:write  proxy,": "webhooks:write proxy",
	} {
		scopes, err := accounts.ParseScopes(text)
		if got := strings.Trim(fmt.Sprint(scopes), "[]"); err != nil || got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, wrong := range []string{"all", "proxy:", "Proxy", "tokens:*"} {
		if _, err := accounts.ParseScopes(wrong); err == nil {
			t.Errorf("%q is a scope", wrong)
		}
	}
	key := accounts.APIKey{Scopes: "connections:read webhooks:write"}
	for _, scope := range append(accounts.Scopes(), "", "connections", "connections:read webhooks:write") {
		want := scope == accounts.ScopeConnectionsRead || scope == accounts.ScopeWebhooksWrite
		if key.May(scope) != want || (key.Need(scope) == nil) != want {
			t.Errorf("scope %q: may %v", scope, key.May(scope))
		}
	}
}

func TestReturnURLs(t *testing.T) {
	for address, fine := range map[string]bool{
		"https://app.example/back":            true,
		"https://app.example":                 true,
		"https://app.example:8443/back?tab=2": true,
		"http://localhost:3000/back":          true,
		"http://127.0.0.1/back":               true,
		"http://[::1]:3000/":                  true,
		"http://app.example/back":             false,
		"http://10.0.0.1/back":                false,
		"http://localhost.evil.example/":      false,
		"https://app.example/#part":           false,
		"https://app.example/*":               false,
		"https://*.app.example/":              false,
		"https://amy:secret@app.example/":     false,
		"https://app.example\\@evil.example/": false,
		"https://app.example/two words":       false,
		"https://app.exämple/":                false,
		"HTTPS://app.example/":                false,
		"https://App.example/":                false,
		"https://app.example;sandbox/":        false,
		"https://app.example,evil.example/":   false,
		"//app.example/":                      false,
		"/back":                               false,
		"javascript:alert(1)":                 false,
		"myapp://back":                        false,
		"https:///back":                       false,
		"https://app.example/\nhttps://evil/": false,
	} {
		err := accounts.CheckReturnURL(address)
		if (err == nil) != fine {
			t.Errorf("%q: got %v", address, err)
		}
	}
	key := accounts.APIKey{ReturnURLs: "https://a.example/back\nhttps://b.example/"}
	for address, want := range map[string]bool{
		"https://a.example/back": true, "https://b.example/": true, "https://b.example": false, "https://a.example/back?x": false,
		"https://a.example/": false, "": false, "https://a.example/back\nhttps://b.example/": false,
	} {
		if key.MayReturnTo(address) != want {
			t.Errorf("%q: got %v", address, !want)
		}
	}
}

func TestKeyQueryUsesIndexes(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		query, values := accounts.KeyQuery, []any{[]byte("hash")}
		if db.OnPostgres() {
			query, values = strings.ReplaceAll(query, "$1", "?"), []any{[]byte("hash"), []byte("hash")}
		}
		for _, table := range modeltest.WholeReads(t, db, query, values) {
			t.Errorf("%s is read whole", table)
		}
	})
}

// Whoever was an owner or an admin when the page was opened, but no longer is, changes
// nothing.
func TestOnlyDevelopersChangeKeys(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ctx, keys, amy, ada, sam := t.Context(), accounts.NewAPIKeys(d.DB), d.Owner(), d.Staff("Ada", accounts.Admin), d.Staff("Sam", accounts.Support)
		n := accounts.NewKey{Name: "sync", Scopes: accounts.Scopes()}
		key, _, err := keys.CreateOwn(ctx, amy, n)
		d.Must(err)
		if _, _, err := keys.Create(ctx, sam.Actor(), n); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("made by support: got %v", err)
		}
		d.Exec("UPDATE memberships SET role = 'member' WHERE user_id = ?", amy.UserID)
		for what, err := range map[string]error{
			"made by a member":    second(keys.CreateOwn(ctx, amy, n)),
			"rolled by a member":  second(keys.Roll(ctx, amy.Actor(), &d.CompanyID, key.ID, accounts.KeyRoll{})),
			"revoked by a member": keys.Revoke(ctx, amy.Actor(), &d.CompanyID, key.ID),
			"revoked by support":  keys.Revoke(ctx, sam.Actor(), nil, key.ID),
		} {
			if !errors.Is(err, accounts.ErrForbidden) {
				t.Errorf("%s: got %v", what, err)
			}
		}
		d.Must(keys.Revoke(ctx, ada.Actor(), nil, key.ID))
	})
}
