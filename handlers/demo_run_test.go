package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// directed is an app whose demo arranges itself, about Amy's connection.
type directed struct {
	*app
	amy, priya *member
	path       string
	// arranged are the scenes that were asked for.
	arranged []views.Scene
	refusal  error
}

func newDirected(t *testing.T) *directed {
	t.Helper()
	a := newApp(t)
	d := &directed{app: a}
	a.inDemo()
	d.amy = a.signUp("Northgate Heating & Plumbing", "Amy")
	d.priya = a.demoStaff("Priya", accounts.Support)
	d.path = d.amy.connect("sandbox", northgate)
	a.instance.director = d.director()
	a.inDemo()
	return d
}

func (d *directed) director() *handlers.Director {
	step := func(title string, scene views.Scene) handlers.RunStep {
		return handlers.RunStep{Title: title, Scene: scene, Say: "Look at this.", Owner: "it *works*.", Support: "the *Timeline*.", By: time.Minute}
	}
	return &handlers.Director{
		Run: handlers.Run{
			Company: "Northgate", Owner: handlers.DemoAccount{Who: "Amy, owner", Email: d.amy.email, Password: password},
			Support: handlers.DemoAccount{Who: "Priya, support", Email: d.priya.email, Password: password},
			Steps:   []handlers.RunStep{step("Before", views.SceneNothing), step("Working", views.SceneWorking), step("Down", views.SceneDown)},
		},
		Person: func(_ context.Context, email string) (handlers.RunPerson, error) {
			id := func(query string) uuid.UUID { return uuid.MustParse(d.lookup(query, email)) }
			switch email {
			case d.amy.email:
				return handlers.RunPerson{
					UserID:    id("SELECT id FROM users WHERE email = ?"),
					CompanyID: id("SELECT company_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?"),
				}, nil
			case d.priya.email:
				return handlers.RunPerson{UserID: id("SELECT id FROM users WHERE email = ?"), Epoch: d.count("SELECT session_epoch FROM users WHERE email = ?", email)}, nil
			}
			return handlers.RunPerson{}, database.ErrNotFound
		},
		Connection: func(ctx context.Context, companyID uuid.UUID) (models.Connection, error) {
			list, err := d.connections.Overview(ctx, companyID)
			if err != nil || len(list) == 0 {
				return models.Connection{}, err
			}
			return list[0].Connection, nil
		},
		Arrange: func(_ context.Context, scene views.Scene, _ string) error {
			d.arranged = append(d.arranged, scene)
			return d.refusal
		},
		Reset: func(context.Context) error { d.arranged = nil; return nil },
		Mails: func(string) []string { return []string{"Reconnect needed"} },
	}
}

// ancestors returns who may frame a page.
func ancestors(got answer) string {
	_, after, _ := strings.Cut(got.header.Get("Content-Security-Policy"), "frame-ancestors ")
	who, _, _ := strings.Cut(after, ";")
	return who
}

// Outside a demo, there is no run, even if somebody gave one.
func TestRunIsInADemoOnly(t *testing.T) {
	d := newDirected(t)
	d.instance.demo = nil
	own := d.db // wire opens another one, which closes first
	d.serve(d.wire(slog.New(slog.DiscardHandler)))
	d.db = own
	for _, path := range []string{"/demo/run", "/demo/run?step=2", "/demo/run/contractor/2", "/demo/run/support/2"} {
		if got := d.newBrowser().get(path); got.status != 404 || ancestors(got) != "'none'" {
			t.Errorf("%s answers %d, and may be framed by %s", path, got.status, ancestors(got))
		}
	}
	for _, path := range []string{"/demo/run", "/demo/run/reset"} {
		if got := d.newBrowser().post(path, "step", "2"); got.status != 404 {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
	if len(d.arranged) != 0 {
		t.Error("something was arranged")
	}
}

// Only the pages in a run's frames can be framed, and only by our own pages. They belong to
// no session: they make none, use none, and leave the browser's as it is.
func TestRunFrames(t *testing.T) {
	d := newDirected(t)
	stranger, other := d.newBrowser(), d.signUp("Harbor Line", "Luis")
	for name, b := range map[string]*browser{"nobody": stranger, "another company": other.browser, "support": d.priya.browser} {
		t.Run(name, func(t *testing.T) {
			before := b.get("/session").body
			for side, words := range map[string][]string{
				"contractor": {"Amy", "Northgate Heating &amp; Plumbing", "Test connection"},
				"support":    {"Support", "Northgate Heating &amp; Plumbing", "Timeline"},
			} {
				got := b.get("/demo/run/" + side + "/2")
				if got.status != 200 || ancestors(got) != "'self'" {
					t.Fatalf("%s answers %d, and may be framed by %s", side, got.status, ancestors(got))
				}
				for _, word := range words {
					if !strings.Contains(got.body, word) {
						t.Errorf("%s does not say %q", side, word)
					}
				}
				if policy := got.header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "; form-action 'none'") {
					t.Errorf("%s may send forms: %s", side, policy)
				}
				if cookies := got.header.Values("Set-Cookie"); len(cookies) != 0 {
					t.Errorf("%s sets %d cookies", side, len(cookies))
				}
				for _, absent := range []string{"data-session", `class="demo-banner"`, `data-follow="/`} {
					if strings.Contains(got.body, absent) {
						t.Errorf("%s has %s", side, absent)
					}
				}
				if !strings.Contains(got.body, `data-page="/demo/run/`+side+`/2"`) {
					t.Errorf("%s does not follow the connection at its own address", side)
				}
			}
			if after := b.get("/session").body; after != before {
				t.Errorf("%q is signed in, and was %q", after, before)
			}
		})
	}
	if got := stranger.get("/connections"); got.status != 303 {
		t.Errorf("a frame has signed somebody in: %d", got.status)
	}
	for _, path := range []string{"/demo/run/contractor/0", "/demo/run/contractor/4", "/demo/run/contractor/x", "/demo/run/admin/1"} {
		if got := stranger.get(path); got.status != 404 || ancestors(got) != "'none'" {
			t.Errorf("%s answers %d, and may be framed by %s", path, got.status, ancestors(got))
		}
	}
	r := stranger.request(http.MethodGet, "/demo/run/contractor/2", nil)
	r.Header.Set("Sec-Fetch-Dest", "document")
	if got := stranger.send(r); got.status != 303 || got.location != "/demo/run?step=2" {
		t.Errorf("outside a frame, it answers %d and leads to %s", got.status, got.location)
	}
}

// In a demo with a run, every other page can be framed by nobody.
func TestRunLeavesOtherPagesUnframed(t *testing.T) {
	d := newDirected(t)
	for _, b := range []*browser{d.newBrowser(), d.amy.browser, d.priya.browser} {
		for _, r := range handlers.DemoRoutes() {
			if r.Method != http.MethodGet || strings.HasSuffix(r.Path, "/live") {
				continue
			}
			path := strings.NewReplacer(":id", strings.TrimPrefix(d.path, "/connections/"), ":environment", "sandbox", ":token", "x", ":code", "x", ":person", "x", ":name", "x").Replace(r.Path)
			if strings.ContainsAny(path, ":*") {
				continue
			}
			if got := b.get(path); ancestors(got) != "'none'" {
				t.Errorf("%s may be framed by %s", path, ancestors(got))
			}
		}
	}
	run := d.newBrowser().get("/demo/run")
	if ancestors(run) != "'none'" || !strings.HasSuffix(run.header.Get("Content-Security-Policy"), "; frame-src 'self'") {
		t.Errorf("the policy of the run is %s", run.header.Get("Content-Security-Policy"))
	}
}

// Next arranges the step's scene and shows the step. Looking arranges nothing.
func TestRunMoves(t *testing.T) {
	d := newDirected(t)
	b := d.newBrowser()
	first := b.get("/demo/run").want(d.app, 200, "Step 1 of 3", "Before", "0:00")
	if strings.Contains(first.body, "Back") || len(d.arranged) != 0 {
		t.Errorf("the first step has a way back, or has arranged %v", d.arranged)
	}
	to := b.post("/demo/run", "step", "2").want(d.app, 303, "/demo/run?").location
	d.clock.Add(65 * time.Second)
	b.get(to).want(d.app, 200, "Step 2 of 3", "Working", "1:05", "Reconnect needed", "/demo/run/contractor/2", "/demo/run/support/2")
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	began := u.Query().Get("begun")
	to = b.post("/demo/run", "step", "3", "begun", began).want(d.app, 303).location
	if !strings.Contains(to, "begun="+began) {
		t.Errorf("the clock starts again: %s", to)
	}
	b.get(to).want(d.app, 200, "Take the quick tours")
	if want := []views.Scene{views.SceneWorking, views.SceneDown}; !slices.Equal(d.arranged, want) {
		t.Errorf("arranged are %v", d.arranged)
	}
	for _, step := range []string{"", "0", "4", "x"} {
		b.post("/demo/run", "step", step).want(d.app, 303, "/demo/run")
	}
	for _, when := range []string{"x", "-5", fmt.Sprint(d.clock.Now().Add(time.Hour).Unix()), "1"} {
		b.get("/demo/run?step=2&begun="+when).want(d.app, 200, "0:00")
	}
	r := b.request(http.MethodPost, "/demo/run", url.Values{"step": {"2"}})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := b.send(r); got.status != 403 {
		t.Errorf("another site's form answers %d", got.status)
	}
	if len(d.arranged) != 2 {
		t.Errorf("arranged are %v", d.arranged)
	}
	d.refusal = fmt.Errorf("arrange: %w", handlers.ErrSandboxSilent)
	b.post("/demo/run", "step", "3", "from", "2").want(d.app, 503, "The sandbox does not answer.", "Try again", "Step 2 of 3")
	d.refusal = errors.New("the database is gone")
	b.post("/demo/run", "step", "2").want(d.app, 500)
	b.post("/demo/run/reset").want(d.app, 303, "/demo/run")
	if d.arranged != nil {
		t.Error("it was not reset")
	}
}
