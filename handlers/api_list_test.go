package handlers_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// ids returns the IDs of a list, in its order.
func (r answer) ids(t testing.TB) []string {
	t.Helper()
	var ids []string
	for _, c := range r.want(t, 200).json(t)["data"].([]any) {
		ids = append(ids, c.(map[string]any)["id"].(string))
	}
	return ids
}

// wrong returns the parameters and fields that a refusal names.
func (r answer) wrong(t testing.TB) string {
	t.Helper()
	var names []string
	for _, e := range r.problem(t, 400)["errors"].([]any) {
		part := e.(map[string]any)
		if name, ok := part["parameter"]; ok {
			names = append(names, name.(string))
		} else {
			names = append(names, part["pointer"].(string))
		}
	}
	return strings.Join(names, " ")
}

func TestAPIListFilters(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob")
		hers, his, pending := amy.connect("sandbox", northgate), bob.connect("sandbox", south), amy.guided(harbor)
		a.exec("UPDATE companies SET reference = 'acme-4711' WHERE id = ?", a.companyOf(bob))
		all, own := a.backEnd(nil), a.backEnd(amy)
		id := func(path string) string { return strings.TrimPrefix(path, "/connections/") }
		for query, want := range map[string][]string{
			"":                                       {id(hers), id(his), id(pending)},
			"state=connected":                        {id(hers), id(his)},
			"state=pending":                          {id(pending)},
			"state=degraded":                         nil,
			"environment=sandbox&state=pending":      {id(pending)},
			"environment=production":                 nil,
			"reference=acme-4711":                    {id(his)},
			"reference=acme":                         nil,
			fmt.Sprintf("tenant_id=%d", northgate):   {id(hers)},
			"reference=acme-4711&state=disconnected": nil,
		} {
			if got := all.ask("/connections?" + query).ids(t); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		if got := own.ask("/connections?reference=acme-4711").ids(t); got != nil {
			t.Errorf("another company's reference lists %q", got)
		}
		if body := all.ask(his).json(t); body["reference"] != "acme-4711" || body["company_name"] != "South" {
			t.Errorf("got %v", body)
		}
		for query, want := range map[string]string{
			"state=fine":                            "state",
			"state=":                                "state",
			"environment=moon":                      "environment",
			"tenant_id=0":                           "tenant_id",
			"limit=101":                             "limit",
			"updated_since=yesterday":               "updated_since",
			"after=x":                               "after",
			"reference=" + strings.Repeat("x", 256): "reference",
			"colour=red&flavor=mint":                "colour flavor",
			"limit=1&limit=2":                       "limit",
			"state=fine&limit=x":                    "state limit",
		} {
			if got := all.ask("/connections?" + query).wrong(t); got != want {
				t.Errorf("%.40s: %q is named, want %q", query, got, want)
			}
		}
		for _, path := range []string{hers, hers + "/token"} {
			if got := all.ask(path + "?verbose=1").wrong(t); got != "verbose" {
				t.Errorf("%s: %q is named", path, got)
			}
		}
	})
}

// A back end that polls sees each change once, and no renewals that work.
func TestAPIListOfChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		path := amy.connect("sandbox", northgate)
		b, id := a.backEnd(nil), strings.TrimPrefix(path, "/connections/")
		began := b.ask(path).json(t)["updated_at"].(string)
		since := func(at string) []string {
			return b.ask("/connections?updated_since=" + url.QueryEscape(at)).ids(t)
		}
		if got := since(began); len(got) != 1 || got[0] != id {
			t.Errorf("since it was connected: %q", got)
		}
		a.clock.Add(16 * time.Minute)
		b.ask(path+"/token").want(t, 200) // renews
		before := b.ask(path).json(t)
		if before["updated_at"] != began || before["renewed_at"] == began {
			t.Errorf("after a renewal: %v", before)
		}
		a.clock.Add(16 * time.Minute)
		a.sandbox.RevokeGrants(northgate)
		b.ask(path+"/token").problem(t, 409)
		changed := b.ask(path).json(t)["updated_at"].(string)
		if changed <= began {
			t.Errorf("access was withdrawn at %s, connected at %s", changed, began)
		}
		if got := since(changed); len(got) != 1 {
			t.Errorf("since access was withdrawn: %q", got)
		}
		later, err := time.Parse(time.RFC3339Nano, changed)
		if err != nil {
			t.Fatal(err)
		}
		if got := since(later.Add(time.Microsecond).Format(time.RFC3339Nano)); got != nil {
			t.Errorf("after the last change: %q", got)
		}
	})
}

// Pages of one connection each have all connections once, in either order.
func TestAPIListPages(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		amy.connect("sandbox", northgate)
		for _, tenant := range []int{south, harbor} {
			a.clock.Add(time.Second)
			amy.guided(tenant)
		}
		b := a.backEnd(nil)
		for _, order := range []string{"", "&updated_since=2020-01-01T00:00:00Z"} {
			var seen []string
			next := ""
			for range 4 {
				page := b.ask("/connections?limit=1" + order + next)
				seen = append(seen, page.ids(t)...)
				more, ok := page.json(t)["next"].(string)
				if !ok {
					break
				}
				next = "&after=" + more
			}
			if len(seen) != 3 || seen[0] == seen[1] || seen[1] == seen[2] {
				t.Errorf("%q: %q", order, seen)
			}
			other := "&updated_since=2020-01-01T00:00:00Z"
			if order != "" {
				other = ""
			}
			if got := b.ask("/connections?limit=1" + other + next).wrong(t); got != "after" {
				t.Errorf("the next of another order: %q is named", got)
			}
		}
	})
}

// A back end that polls gets an answer only if there is something new.
func TestAPITags(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	b := a.backEnd(nil)
	for _, address := range []string{path, "/connections"} {
		tag := b.ask(address).want(t, 200).header.Get("ETag")
		for _, sent := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag, "*"} {
			again := b.call(http.MethodGet, address, nil, "If-None-Match", sent).want(t, 304)
			if again.body != "" || again.header.Get("ETag") != tag || again.header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("%s: %q, %v", address, again.body, again.header)
			}
		}
		a.exec("UPDATE connections SET tenant_name = tenant_name || '!'")
		if got := b.call(http.MethodGet, address, nil, "If-None-Match", tag).want(t, 200).header.Get("ETag"); got == tag || !strings.HasPrefix(got, `W/"`) {
			t.Errorf("%s: the tag is still %s", address, got)
		}
	}
	if h := b.ask(path + "/token").header; h.Get("ETag") != "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("a token may be kept: %v", h)
	}
}

func TestAPIRateLimit(t *testing.T) {
	a := newApp(t)
	b := a.backEnd(nil)
	a.clock.stop() // otherwise, slow requests give back what they take
	h := b.ask("/connections").want(t, 200).header
	if h.Get("RateLimit-Policy") != `"key";q=400;w=2` || h.Get("RateLimit") != `"key";r=399;t=1` {
		t.Errorf("%v", h)
	}
	for range 10 {
		b.ask("/connections/"+uuid.NewString()).problem(t, 404)
	}
	if left := left(t, b.ask("/connections?x=1")); left != 388 {
		t.Errorf("%d are left after 11 more", left)
	}
	var got answer
	for range 389 {
		r := b.request(http.MethodGet, "/api/v1/connections", nil)
		r.Header.Set("Authorization", "Bearer "+b.secret)
		got = b.send(r)
	}
	if got.problem(t, 429); left(t, got) != 0 || got.header.Get("Retry-After") != "1" {
		t.Errorf("%v", got.header)
	}
	a.clock.Add(time.Second)
	if left := left(t, b.ask("/connections").want(t, 200)); left != 199 {
		t.Errorf("%d are left a second later", left)
	}
}

// Every answer has the limit. Those to a valid key say how many requests are left, also
// if its company is locked.
func TestAPIRateLimitIsOnEveryAnswer(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	b, other := a.backEnd(amy), a.backEnd(nil)
	other.secret = "fbk_wrong"
	for name, c := range map[string]struct {
		by           *backEnd
		method, path string
		locked       bool
		status       int
		left         bool
	}{
		"fine":           {by: b, path: "connections", status: 200, left: true},
		"locked":         {by: b, path: "connections", locked: true, status: 403, left: true},
		"wrong key":      {by: other, path: "connections", status: 401},
		"unknown path":   {by: b, path: "collections", status: 404},
		"another method": {by: b, method: http.MethodPut, path: "connections", status: 405},
	} {
		a.exec("UPDATE companies SET locked_at = NULL")
		if c.locked {
			a.exec("UPDATE companies SET locked_at = created_at")
		}
		r := c.by.request(cmp.Or(c.method, http.MethodGet), "/api/v1/"+c.path, nil)
		r.Header.Set("Authorization", "Bearer "+c.by.secret)
		h := c.by.send(r).want(t, c.status).header
		if h.Get("RateLimit-Policy") == "" || (h.Get("RateLimit") != "") != c.left {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// left returns how many requests an answer says are left.
func left(t testing.TB, r answer) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(r.header.Get("RateLimit"), `"key";r=%d;t=1`, &n); err != nil {
		t.Errorf("%s: %v", r.header.Get("RateLimit"), err)
	}
	return n
}
