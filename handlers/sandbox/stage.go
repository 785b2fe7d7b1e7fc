package sandbox

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// picksShown is how many companies the stage lists before somebody searches.
	picksShown = 60
	// deedsShown is how many requests a card lists.
	deedsShown = 3
)

// moment is a point in the order of all requests. Times do not tell the order, because
// they may be equal.
type moment struct {
	at time.Time
	// after is the number of the last beginning or end of a request before it.
	after int
}

// moment returns the present. The caller holds the mutex.
func (s *Sandbox) moment() moment { return moment{s.now(), s.ledger.moments} }

// turned is a switch of the stage that has a knob and is on.
type turned struct {
	id       string
	tenantID int64
}

// stageView is the part of the control page with the cards.
type stageView struct {
	formToken string
	// company is what the cards are about. Its ID is 0 for all companies.
	company Tenant
	find    string
	picks   tenants
	// others is how many companies are not listed.
	others int
	cards  []stageCard
	scopes []string
	scope  string
	// shows says in which state Fieldbridge shows the company. It is empty if the
	// sandbox cannot know.
	shows string
}

// stageCard is a card as it stands for one company.
type stageCard struct {
	scenario
	number int
	on     bool
	since  moment
	// seen is how many requests have come since then, and deeds are the last of them.
	seen  int
	deeds []Request
}

// label returns whom the switches are about.
func (v stageView) label() string { return cmp.Or(v.company.Name, "All companies") }

// whom names whom the cards are about, within a sentence.
func (v stageView) whom() string { return cmp.Or(v.company.Name, "all companies") }

// address returns the address of the page with the same company.
func (v stageView) address() string { return backTo("", v.company.ID, nil) }

// live returns the address at which the page loads itself again.
func (v stageView) live() string { return backTo("", v.company.ID, url.Values{"live": {"1"}}) }

// stage returns the cards for a company.
func (s *Sandbox) stage(r *http.Request, tenantID int64) stageView {
	all := s.all()
	v := stageView{formToken: s.formToken, find: strings.TrimSpace(r.URL.Query().Get("find")), scopes: s.appScopes(), scope: s.spareScope()}
	v.company, _ = all.byID(tenantID)
	found := all.matching(v.find)
	v.picks = found[:min(picksShown, len(found))]
	v.others = len(found) - len(v.picks)
	if s.options.Shows != nil && tenantID != 0 {
		v.shows = s.options.Shows(r.Context(), tenantID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	recent := s.ledger.last(requestsShown)
	for i, c := range scenarios() {
		card := stageCard{scenario: c, number: i + 1}
		if card.since, card.on = s.since(c, tenantID); card.on {
			for _, q := range slices.Backward(recent) {
				if q.BeganAs <= card.since.after || q.TenantID == 0 || (tenantID != 0 && q.TenantID != tenantID) || q.Path == pathTenant {
					continue
				}
				if card.seen++; len(card.deeds) < deedsShown {
					card.deeds = append(card.deeds, *q)
				}
			}
		}
		v.cards = append(v.cards, card)
	}
	return v
}

// since reports whether a switch is on for a tenant, and since when. The caller holds
// the mutex.
func (s *Sandbox) since(c scenario, tenantID int64) (moment, bool) {
	if c.knob != nil {
		at, on := s.turned[turned{c.id, tenantID}]
		return at, on
	}
	for _, p := range s.faults.planned {
		if p.Kind == c.fault.Kind && p.TenantID == tenantID {
			return p.since, true
		}
	}
	return moment{}, false
}

// cardField returns the name of a card's field. The fault form on the same page has
// fields of the same kind.
func cardField(name string) string { return "card_" + name }

// turnOn switches a card on. The form has what the card's fields say.
func (s *Sandbox) turnOn(c scenario, tenantID int64, form url.Values) error {
	if c.knob != nil {
		if err := c.knob.on(s, tenantID, cmp.Or(form.Get("scope"), s.spareScope())); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.turned[turned{c.id, tenantID}] = s.moment()
		return nil
	}
	fields := faultForm{kind: c.fault.Kind, path: c.fault.Path, tenantID: tenantID}
	for _, field := range c.more {
		value := form.Get(cardField(field.name))
		switch field.name {
		case "times":
			fields.times = value
		case "seconds":
			fields.seconds = cmp.Or(value, field.value)
		case "minutes":
			fields.minutes = cmp.Or(value, field.value)
		}
	}
	f, err := fields.read()
	if err == nil {
		_, err = s.PlanFault(f)
	}
	return err
}

// turnOff switches a card off.
func (s *Sandbox) turnOff(c scenario, tenantID int64) {
	if c.knob == nil {
		for _, p := range s.Faults() {
			if p.Kind == c.fault.Kind && p.TenantID == tenantID {
				s.ClearFault(p.ID)
			}
		}
		return
	}
	c.knob.off(s, tenantID)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.turned, turned{c.id, tenantID})
	s.happen(Deed(Restore), tenantID)
}

// standing is a switch with a knob that is on, as the list at the top shows it.
type standing struct {
	scenario
	tenantID int64
}

// standings returns the switches with knobs that are on, in the order of the cards.
func (s *Sandbox) standings() []standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []standing
	for _, c := range scenarios() {
		for t := range s.turned {
			if t.id == c.id {
				list = append(list, standing{c, t.tenantID})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b standing) int { return cmp.Compare(a.tenantID, b.tenantID) })
	return list
}

// allOff switches off every fault and every switch of the stage.
func (s *Sandbox) allOff() {
	s.ClearFaults()
	for _, on := range s.standings() {
		s.turnOff(on.scenario, on.tenantID)
	}
}

// forgetTurned forgets switches of a tenant, or of all if tenantID is 0, that something
// else has undone. The caller holds the mutex.
func (s *Sandbox) forgetTurned(tenantID int64, ids ...string) {
	maps.DeleteFunc(s.turned, func(t turned, _ moment) bool {
		return slices.Contains(ids, t.id) && (tenantID == 0 || t.tenantID == tenantID)
	})
}

// matching returns the tenants whose name, place, or ID has all the words.
func (ts tenants) matching(words string) tenants {
	return slices.DeleteFunc(slices.Clone(ts), func(t Tenant) bool { return !t.matches(words) })
}

// matches reports whether a tenant's name, place, or ID has all the words.
func (t Tenant) matches(words string) bool {
	text := strings.ToLower(t.Name + " " + t.City + " " + t.State + " " + strconv.FormatInt(t.ID, 10))
	for word := range strings.FieldsSeq(strings.ToLower(words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// deed says in plain words what a request of Fieldbridge was for.
func (q Request) deed() string {
	switch {
	case q.Path == PathToken && q.GrantType == grantCode:
		return "Traded the sign-in for access"
	case q.Path == PathToken && q.GrantType == grantRefresh:
		return "Asked to renew access"
	case q.Path == PathToken && q.GrantType == grantClient:
		return "Asked for access"
	case q.Path == PathRevocation:
		return "Gave access back"
	case q.Path == PathAuthorize:
		return "Someone answered on ServiceTitan’s page"
	}
	for _, of := range areas() {
		if of.path == q.Path {
			return "Asked for " + of.name
		}
	}
	return q.Method + " " + q.Path
}
