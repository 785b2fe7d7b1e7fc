package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requestsAtHome is how many requests the control page lists.
const requestsAtHome = 10

// liveEvery is the number of seconds after which a live page loads itself again.
const liveEvery = "3"

// formFresh refuses a form that is not from a page of this start.
func (s *Sandbox) formFresh(a *answer, r *http.Request) bool {
	if same(r.PostForm.Get("token"), s.formToken) {
		return true
	}
	http.Error(a, "this page is out of date; go back and load it again", http.StatusForbidden)
	return false
}

// home shows the control page.
func (s *Sandbox) home(a *answer, r *http.Request) {
	q := r.URL.Query()
	if q.Get("live") == "1" {
		a.header.Set("Refresh", liveEvery)
	}
	if found := s.all().matching(q.Get("find")); q.Get("find") != "" && len(found) == 1 {
		a.seeOther(backTo("", found[0].ID, url.Values{}))
		return
	}
	v := homeView{fault: emptyFault(), advanced: q.Has("kind") || q.Has("scope") || q.Has("did")}
	// A link may choose the company and the fault. It changes nothing by itself.
	v.fault.kind, v.fault.tenantID = FaultKind(q.Get("kind")), s.all().known(q.Get("tenant"))
	v.actionTenant, v.scope = v.fault.tenantID, q.Get("scope")
	if did := q.Get("did"); did == "set" {
		v.note = "The settings apply to tokens issued from now on."
	} else {
		count, _ := strconv.Atoi(q.Get("count"))
		v.outcome = Done{Count: count}.outcome(Action(did))
	}
	s.showHome(a, r, http.StatusOK, v)
}

func (s *Sandbox) showHome(a *answer, r *http.Request, status int, v homeView) {
	v.formToken, v.tenants = s.formToken, s.all()
	v.advanced = v.advanced || v.problem != ""
	v.stage, v.standing, v.live = s.stage(r, v.actionTenant), s.standings(), r.URL.Query().Get("live") == "1"
	// The script only keeps the page current. It changes nothing, and neither does it
	// read anything but this page.
	a.header.Set("Content-Security-Policy", s.policy()+"; script-src 'self'; connect-src 'self'")
	v.mailbox, v.sampleApp, v.resetsMore = s.options.Mailbox, s.options.SampleApp, s.options.OnReset != nil
	v.scopes, v.scope = s.appScopes(), cmp.Or(v.scope, s.spareScope())
	v.planned, v.settings, v.requests = s.Faults(), s.Settings(), s.newest(requestsAtHome)
	v.fired, v.done = map[FaultKind]int{}, map[Action]int{}
	for _, kind := range FaultKinds() {
		v.fired[kind] = s.Fired(kind)
	}
	for _, action := range Actions() {
		v.done[action] = s.ActionsDone(action)
	}
	a.page(r.Context(), status, s.homePage(v))
}

// newest returns the last requests, newest first.
func (s *Sandbox) newest(n int) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Request
	for _, line := range slices.Backward(s.ledger.last(n)) {
		list = append(list, *line)
	}
	return list
}

// requestList shows the page of the last requests.
func (s *Sandbox) requestList(a *answer, r *http.Request) {
	live := r.URL.Query().Get("live") == "1"
	if live {
		a.header.Set("Refresh", liveEvery)
	}
	a.page(r.Context(), http.StatusOK, s.requestsPage(s.newest(requestsShown), s.all(), live))
}

func (s *Sandbox) reset(a *answer, r *http.Request) {
	if !s.formFresh(a, r) {
		return
	}
	if s.beginAgain(a, r) {
		a.seeOther(pathHome)
	}
}

// beginAgain resets everything, or answers that the reset failed. It reports whether it
// worked.
func (s *Sandbox) beginAgain(a *answer, r *http.Request) bool {
	if s.options.OnReset == nil {
		s.Reset()
		return true
	}
	err := s.options.OnReset(r.Context())
	if err != nil {
		s.options.Log.ErrorContext(r.Context(), "reset failed", "error", err)
		http.Error(a, "the reset failed; see the log", http.StatusInternalServerError)
	}
	return err == nil
}

// changeHome does what a button of the control page says.
func (s *Sandbox) changeHome(a *answer, r *http.Request) {
	if !s.formFresh(a, r) {
		return
	}
	form := r.PostForm
	tenantID, err := readTenant(form)
	v := homeView{fault: readFaultForm(form), actionTenant: tenantID, scope: form.Get("scope")}
	v.fault.tenantID = tenantID
	if err != nil {
		v.problem = sentence(err)
		s.showHome(a, r, http.StatusUnprocessableEntity, v)
		return
	}
	back := pathHome
	switch action := form.Get("action"); action {
	case "switch_on":
		var f Fault
		if f, err = v.fault.read(); err == nil {
			_, err = s.PlanFault(f)
		}
		back = backTo("active", tenantID, url.Values{})
	case "switch_off":
		id, _ := strconv.Atoi(form.Get("id")) // 0 is no fault
		s.ClearFault(id)
		back = "/#active"
	case "all_off":
		s.allOff()
	case "turn_on", "turn_off":
		var c scenario
		if c, err = scenarioByID(form.Get("scenario")); err == nil && action == "turn_on" {
			err = s.turnOn(c, tenantID, form)
		} else if err == nil {
			s.turnOff(c, tenantID)
		}
		v.fault = emptyFault()
		back = backTo(c.id, tenantID, url.Values{})
	case "take_down":
		back = "/#outage"
		var f Fault
		if f, err = v.fault.read(); err == nil {
			_, err = s.TakeDown(f)
		}
		v.outage, v.fault = v.fault, emptyFault()
	case "bring_back":
		s.BringBack()
		back = "/#outage"
	case "set":
		err = s.Set(readSettings(form))
		back = "/?did=set"
	default:
		v.fault = emptyFault()
		var done Done
		if done, err = s.do(Action(action), tenantID, form.Get("scope")); err == nil {
			v.made = generated{tenantID: tenantID, clientID: done.ClientID, secret: done.ClientSecret}
			back = backTo("do", tenantID, url.Values{"did": {action}, "count": {strconv.Itoa(done.Count)}, "scope": {v.scope}})
		}
	}
	switch {
	case err != nil:
		v.problem = sentence(err)
		s.showHome(a, r, http.StatusUnprocessableEntity, v)
	case v.made.secret != "":
		// The secret is only on this answer, so it is seen once.
		s.showHome(a, r, http.StatusOK, v)
	default:
		a.seeOther(back)
	}
}

// backTo returns the address of a part of the control page, with the same company
// chosen. Otherwise the next button would apply to all companies.
func backTo(part string, tenantID int64, query url.Values) string {
	if query == nil {
		query = url.Values{}
	}
	if tenantID != 0 {
		query.Set("tenant", strconv.FormatInt(tenantID, 10))
	}
	return (&url.URL{Path: pathHome, RawQuery: query.Encode(), Fragment: part}).String()
}

// readTenant returns the company that a form is about, or 0 for all. It refuses what is
// not a tenant ID, rather than take it for all.
func readTenant(form url.Values) (int64, error) {
	text := form.Get("tenant")
	if text == "" || text == "0" {
		return 0, nil
	}
	tenantID, ok := parseTenant(text)
	if !ok {
		return 0, fmt.Errorf("tenant %q: %w", text, ErrNoTenant)
	}
	return tenantID, nil
}

// faultForm is the form of a fault as it was filled in.
type faultForm struct {
	kind                                   FaultKind
	tenantID                               int64
	path, percent, times, seconds, minutes string
}

func emptyFault() faultForm { return faultForm{seconds: "5", minutes: "10"} }

func readFaultForm(form url.Values) faultForm {
	return faultForm{
		kind: FaultKind(form.Get("kind")), path: form.Get("path"), percent: form.Get("percent"),
		times: form.Get("times"), seconds: form.Get("seconds"), minutes: form.Get("minutes"),
	}
}

// read returns the fault that the form asks for.
func (f faultForm) read() (Fault, error) {
	if f.kind == "" {
		return Fault{}, errors.New("choose a fault")
	}
	fault := Fault{Kind: f.kind, Path: f.path, TenantID: f.tenantID}
	percent, errPercent := number(f.percent)
	times, errTimes := number(f.times)
	seconds, errSeconds := number(f.seconds)
	minutes, errMinutes := number(f.minutes)
	if errPercent != nil || errTimes != nil || errSeconds != nil || errMinutes != nil {
		return Fault{}, errors.New("the share, seconds, minutes, and how often must be numbers")
	}
	if times != math.Trunc(times) || percent != math.Trunc(percent) {
		// A fraction would become 0, which has no end, and means all companies.
		return Fault{}, errors.New("the share and how often must be whole numbers")
	}
	fault.Times, fault.Percent = int(times), int(percent)
	wait := time.Duration(seconds * float64(time.Second))
	switch f.kind {
	case Slow:
		fault.Delay = wait
	case Status429, Status503:
		fault.RetryAfter = wait
	case ClockSkew:
		fault.Skew = time.Duration(minutes * float64(time.Minute))
	}
	return fault, nil
}

// number reads a number. An empty field is 0.
func number(text string) (float64, error) {
	if text = strings.TrimSpace(text); text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(n) || math.Abs(n) > 100_000) {
		err = strconv.ErrRange
	}
	return n, err
}

func readSettings(form url.Values) Settings {
	life, _ := time.ParseDuration(form.Get("life")) // 0 is refused
	// A value that is not a time means no grace.
	grace, _ := time.ParseDuration(form.Get("grace")) // 0 is none
	return Settings{AccessTokenLife: life, RefreshGrace: grace, GraceUntilUsed: form.Get("grace") == graceUntilUsed, KeepRefreshTokens: form.Get("rotation") == "off"}
}

// graceUntilUsed is the form's value for the other kind of grace.
const graceUntilUsed = "until_used"
