package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// generated is a new secret, which is shown only once.
type generated struct {
	tenantID         int64
	clientID, secret string
}

// installRow is a tenant's install as the pages show it.
type installRow struct {
	Tenant
	state    installState
	version  int
	scopes   []string
	clientID string
	// silent says that the app was disabled and tokens are still issued.
	silent bool
	// secrets says for each slot whether it holds a secret.
	secrets [slots]bool
}

// rows returns the tenants, and the newest version's number and scopes.
func (s *Sandbox) rows() (rows []installRow, newest int, scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tenant := range s.all() {
		i := s.app.installs[tenant.ID]
		row := installRow{Tenant: tenant, state: i.state, silent: s.app.limits[tenant.ID].disabled, version: i.version, scopes: s.app.scopes(i), clientID: i.clientID}
		for slot := range slots {
			row.secrets[slot] = i.secrets[slot] != sum{}
		}
		rows = append(rows, row)
	}
	newest = len(s.app.versions)
	return rows, newest, s.app.versions[newest-1]
}

// portal shows the developer's page: My Apps.
func (s *Sandbox) portal(a *answer, r *http.Request) {
	s.showPortal(a, r, http.StatusOK, generated{}, "")
}

func (s *Sandbox) showPortal(a *answer, r *http.Request, status int, made generated, problem string) {
	rows, newest, scopes := s.rows()
	q := r.URL.Query()
	v := portalView{
		formToken: s.formToken, made: made, problem: problem, version: newest, scopes: scopes,
		find: strings.TrimSpace(q.Get("find")), state: q.Get("state"), path: pathPortal + searched(q),
	}
	for _, row := range rows {
		if row.matches(v.find) && (v.state == "" || row.status() == v.state) {
			v.rows = append(v.rows, row)
		}
	}
	a.page(r.Context(), status, s.portalPage(v))
}

// changePortal does what a button of the portal says.
func (s *Sandbox) changePortal(a *answer, r *http.Request) {
	if !s.formFresh(a, r) {
		return
	}
	form := r.PostForm
	tenantID, _ := parseTenant(form.Get("tenant")) // 0 is no tenant
	slot, _ := strconv.Atoi(form.Get("slot"))      // 0 is no slot
	var err error
	switch form.Get("action") {
	case "add":
		err = s.AddTenant(tenantID)
	case "remove":
		err = s.RemoveTenant(tenantID)
	case "publish":
		scopes := strings.Fields(form.Get("scopes"))
		if len(scopes) == 0 {
			err = errors.New("a version needs a scope")
			break
		}
		s.PublishVersion(scopes)
	case "generate", "delete":
		s.changeSecret(a, r, tenantID, slot, s.showPortal)
		return
	default:
		err = errors.New("there is no such button")
	}
	if err != nil {
		s.showPortal(a, r, http.StatusUnprocessableEntity, generated{}, sentence(err))
		return
	}
	a.seeOther(pathPortal + searched(r.URL.Query()))
}

// searched returns the part of an address that repeats a search, so that buttons keep it.
func searched(from url.Values) string {
	query := url.Values{}
	for _, name := range []string{"find", "state"} {
		if value := from.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// portalStates returns the states that the portal's search offers.
func portalStates() []string {
	var list []string
	for _, state := range []installState{notAdded, notConnected, allowed, disabled} {
		list = append(list, state.words())
	}
	return list
}

// changeSecret generates or deletes a secret. A new secret is only on this answer, so
// it is seen once.
func (s *Sandbox) changeSecret(a *answer, r *http.Request, tenantID int64, slot int, show func(*answer, *http.Request, int, generated, string)) {
	made := generated{tenantID: tenantID}
	var err error
	if r.PostForm.Get("action") == "generate" {
		made.clientID, made.secret, err = s.Generate(tenantID, slot)
	} else {
		err = s.DeleteSecret(tenantID, slot)
	}
	if err != nil {
		show(a, r, http.StatusUnprocessableEntity, generated{}, sentence(err))
		return
	}
	show(a, r, http.StatusOK, made, "")
}

// tenantPath returns the path where a tenant's admin manages apps.
func tenantPath(tenantID int64) string {
	return strings.Replace(pathTenant, "{tenant}", strconv.FormatInt(tenantID, 10), 1)
}

// tenantAdmin shows a tenant's page: Manage API Application Access.
func (s *Sandbox) tenantAdmin(a *answer, r *http.Request) {
	s.showTenant(a, r, http.StatusOK, generated{}, "")
}

func (s *Sandbox) showTenant(a *answer, r *http.Request, status int, made generated, problem string) {
	if v, ok := s.tenantView(a, r); ok {
		v.made, v.problem = made, problem
		a.page(r.Context(), status, s.tenantPage(v))
	}
}

// reviewApp asks whether to allow the app, or its new version.
func (s *Sandbox) reviewApp(a *answer, r *http.Request) {
	v, ok := s.tenantView(a, r)
	if !ok {
		return
	}
	if v.row.state != notConnected && !v.upgradable() {
		a.seeOther(tenantPath(v.row.ID))
		return
	}
	a.page(r.Context(), http.StatusOK, s.reviewAppPage(v))
}

func (s *Sandbox) tenantView(a *answer, r *http.Request) (v tenantView, ok bool) {
	rows, newest, scopes := s.rows()
	id := s.all().known(r.PathValue("tenant"))
	at := slices.IndexFunc(rows, func(row installRow) bool { return row.ID == id })
	if at < 0 {
		http.Error(a, sentence(ErrNoTenant), http.StatusNotFound)
		return tenantView{}, false
	}
	return tenantView{formToken: s.formToken, row: rows[at], version: newest, scopes: scopes}, true
}

// changeTenant does what a button of a tenant's page says.
func (s *Sandbox) changeTenant(a *answer, r *http.Request) {
	if !s.formFresh(a, r) {
		return
	}
	id := s.all().known(r.PathValue("tenant"))
	slot, _ := strconv.Atoi(r.PostForm.Get("slot")) // 0 is no slot
	err := errors.New("there is no such button")
	switch r.PostForm.Get("action") {
	case "allow":
		err = s.Allow(id)
	case "upgrade":
		err = s.Upgrade(id)
	case "decline":
		err = nil
	case "disable":
		err = s.Disable(id)
	case "restore":
		err = s.Restore(id)
	case "generate", "delete":
		s.changeSecret(a, r, id, slot, s.showTenant)
		return
	}
	if err != nil {
		s.showTenant(a, r, http.StatusUnprocessableEntity, generated{}, sentence(err))
		return
	}
	a.seeOther(tenantPath(id))
}

// sentence returns an error as a sentence for a page.
func sentence(err error) string {
	words := err.Error()
	return strings.ToUpper(words[:1]) + words[1:] + "."
}
