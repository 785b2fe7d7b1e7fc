package sandbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// cards returns the names of the cards on a page, in their order.
func cards(page string) []string {
	var list []string
	for _, found := range regexp.MustCompile(`<section class="card scenario" id="([a-z]+)"`).FindAllStringSubmatch(page, -1) {
		list = append(list, found[1])
	}
	return list
}

// turned says whether a card's switch is on, as the page shows it.
func turned(t *testing.T, page, id string) bool {
	t.Helper()
	found := regexp.MustCompile(`data-live="` + id + `-switch" name="action" value="(turn_o[nf]f?)" aria-pressed="(true|false)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("%s has no switch:\n%s", id, page)
	}
	if (found[1] == "turn_off") != (found[2] == "true") {
		t.Errorf("%s is %s, and its button does %s", id, found[2], found[1])
	}
	return found[2] == "true"
}

// Each card switches one thing on and off again, for the company that was chosen.
func TestStageSwitches(t *testing.T) {
	t.Parallel()
	ids := cards(start(t).get("/").body)
	if len(ids) < 10 || ids[0] != "down" || ids[1] != "slow" || ids[2] != "withdrawn" {
		t.Fatalf("the cards are %v", ids)
	}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			mine, other := s.account(northgate), s.account(south)
			one := fmt.Sprint(northgate)
			page := s.press("turn_on", "tenant", one, "scenario", id).body
			if !turned(t, page, id) {
				t.Error("it stays off")
			}
			wantWords(t, page, "All off", `<h2 id="company-name">Northgate Heating &amp; Plumbing</h2>`)
			for _, otherID := range ids {
				if otherID != id && turned(t, page, otherID) {
					t.Errorf("%s is on too", otherID)
				}
			}
			if turned(t, s.get("/?tenant="+fmt.Sprint(south)).body, id) {
				t.Error("it is on for another company")
			}
			s.wantAPI(south, other.own, http.StatusOK)
			page = s.press("turn_off", "tenant", one, "scenario", id).body
			if turned(t, page, id) || len(s.Faults()) != 0 {
				t.Error("it stays on")
			}
			wantWords(t, page, "None. Everything works.")
			s.wantAPI(northgate, mine.own, http.StatusOK)
			s.ownToken(url.Values{"client_id": {mine.client}, "client_secret": {mine.secret}, "grant_type": {"client_credentials"}})
		})
	}
}

// What somebody enters behind More is what the fault does.
func TestStageReadsTheFields(t *testing.T) {
	t.Parallel()
	s := start(t)
	one := fmt.Sprint(northgate)
	s.press("turn_on", "tenant", one, "scenario", "down", "card_times", "2", "card_seconds", "90")
	s.press("turn_on", "tenant", one, "scenario", "slow")
	s.press("turn_on", "tenant", "0", "scenario", "clock", "card_minutes", "-3")
	want := []sandbox.Fault{
		{Kind: sandbox.Status503, Path: sandbox.Everywhere, TenantID: northgate, Times: 2, RetryAfter: 90 * time.Second},
		{Kind: sandbox.Slow, Path: sandbox.PathToken, TenantID: northgate, Delay: 5 * time.Second},
		{Kind: sandbox.ClockSkew, Path: sandbox.Everywhere, Skew: -3 * time.Minute},
	}
	for i, p := range s.Faults() {
		if i >= len(want) || p.Fault != want[i] {
			t.Errorf("planned is %+v", p.Fault)
		}
	}
	for name, form := range map[string]url.Values{
		"unknown switch":        s.homeForm("turn_on", "tenant", one, "scenario", "boil"),
		"no number":             s.homeForm("turn_on", "tenant", one, "scenario", "slow", "card_seconds", "soon"),
		"nobody has the client": s.homeForm("turn_on", "tenant", one, "scenario", "secret"),
		"unknown tenant":        s.homeForm("turn_on", "tenant", "12", "scenario", "down"),
	} {
		if r := s.post("/", form); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `role="alert"`) {
			t.Errorf("%s: answer %d, want 422 and words", name, r.status)
		}
	}
}

// A card says what has come from Fieldbridge since its switch is on, and nothing from
// before or about others.
func TestStageSaysWhatCame(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine, other := s.account(northgate), s.account(south)
	did := func(page string) string {
		_, after, _ := strings.Cut(page, `data-live="down-did"`)
		before, _, _ := strings.Cut(after, "</section>")
		return before
	}
	page := s.press("turn_on", "tenant", fmt.Sprint(northgate), "scenario", "down").body
	wantWords(t, did(page), "Nothing from Fieldbridge since")
	s.wantAPI(south, other.own, http.StatusOK)
	s.wantAPI(northgate, mine.own, http.StatusServiceUnavailable)
	page = s.get("/?tenant=" + fmt.Sprint(northgate)).body
	wantWords(t, did(page), "1 request since", "Asked for business units: 503, fault: unavailable (503)")
}

// A new sign-in ends a withdrawal, and Restore ends what it restores.
func TestStageNoticesTheEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.account(northgate)
	one, at := fmt.Sprint(northgate), "/?tenant="+fmt.Sprint(northgate)
	s.press("turn_on", "tenant", one, "scenario", "withdrawn")
	s.press("turn_on", "tenant", one, "scenario", "silent")
	s.connect(northgate)
	if page := s.get(at).body; turned(t, page, "withdrawn") || !turned(t, page, "silent") {
		t.Error("a sign-in does not end the withdrawal, or ends more")
	}
	s.press("restore", "tenant", one)
	if turned(t, s.get(at).body, "silent") {
		t.Error("it was restored, and is on")
	}
	s.press("turn_on", "tenant", one, "scenario", "scope")
	s.press("turn_on", "tenant", one, "scenario", "limit")
	wantWords(t, s.press("all_off").body, "None. Everything works.")
	if page := s.get(at).body; slices.ContainsFunc(cards(page), func(id string) bool { return turned(t, page, id) }) {
		t.Error("something is still on")
	}
	if len(s.Faults()) != 0 {
		t.Errorf("on are %v", s.Faults())
	}
}

// The search finds companies by words of their name, place, or ID. One match is chosen.
func TestStageFindsCompanies(t *testing.T) {
	t.Parallel()
	s := start(t)
	if to := s.get("/?find=harbor+tacoma").location(t); to.RequestURI() != "/?tenant=738846120" {
		t.Errorf("it leads to %s", to)
	}
	page := s.get("/?find=northgate").body
	wantWords(t, page, `data-words="Northgate South`, `data-words="Northgate Heating`, `value="northgate"`)
	if strings.Contains(page, `data-words="Blue Mesa`) {
		t.Error("another company is listed")
	}
	wantWords(t, s.get("/?find=nobody").body, "No company matches.")
}

// Where the sandbox knows what Fieldbridge shows, it says so.
func TestStageShowsTheState(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *sandbox.Options) { o.Shows = stateOf })
	wantWords(t, s.get("/?tenant="+fmt.Sprint(northgate)).body, "Fieldbridge shows: <b>Retrying</b>")
	if strings.Contains(s.get("/").body, "Fieldbridge shows:") {
		t.Error("it says so about nobody")
	}
}

// Without script, the page reloads itself if asked to.
func TestStageReloads(t *testing.T) {
	t.Parallel()
	s := start(t)
	plain, live := s.get("/?tenant="+fmt.Sprint(northgate)), s.get("/?live=1&tenant="+fmt.Sprint(northgate))
	if plain.header.Get("Refresh") != "" || live.header.Get("Refresh") != "3" {
		t.Errorf("Refresh is %q and %q", plain.header.Get("Refresh"), live.header.Get("Refresh"))
	}
	wantWords(t, plain.body, `href="/?live=1&amp;tenant=842193311">Update live`)
	wantWords(t, live.body, `href="/?tenant=842193311">Stop`)
}

// The portal's search finds companies by name, ID, and status, and buttons keep it.
func TestPortalSearch(t *testing.T) {
	t.Parallel()
	s := start(t)
	names := func(page string) (list []string) {
		for _, row := range regexp.MustCompile(`<th scope="row"><span><a href="/tenant/\d+">([^<]+)</a>`).FindAllStringSubmatch(page, -1) {
			list = append(list, row[1])
		}
		return list
	}
	if all := names(s.get("/portal").body); len(all) != len(sandbox.SampleTenants()) {
		t.Errorf("without a search, it lists %v", all)
	}
	if found := names(s.get("/portal?find=738846").body); !slices.Equal(found, []string{"Harbor Line Electric"}) {
		t.Errorf("by ID, it lists %v", found)
	}
	page := s.get("/portal?find=northgate&state=Not+Connected+Yet").body
	if found := names(page); len(found) != 2 {
		t.Errorf("by name and status, it lists %v", found)
	}
	wantWords(t, page, `action="/portal?find=northgate&amp;state=Not+Connected+Yet"`, `<option value="Not Connected Yet" selected>`)
	_, fields := s.form(page)
	r := s.post("/portal?find=harbor", url.Values{"token": {fields.Get("token")}, "action": {"add"}, "tenant": {"738846120"}})
	if to := r.location(t); to.RequestURI() != "/portal?find=harbor" {
		t.Errorf("a button leads to %s", to)
	}
	wantWords(t, s.get("/portal?find=nobody").body, "No company matches.")
}

func stateOf(context.Context, int64) string { return "Retrying" }
