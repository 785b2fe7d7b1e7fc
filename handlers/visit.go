package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// visitCookieLife is how long a browser can come back to a session. It is longer than
// the session works, because a setup by our staff takes longer.
const visitCookieLife = 7 * 24 * time.Hour

// visitEndPath returns the address of the page from which the browser goes on to the
// return URL at once. The way back from ServiceTitan needs this page: browsers compare
// the whole chain of redirects after ServiceTitan's form with what that form's page
// allows, and it does not know the return URL.
func visitEndPath(at guestPage) string { return at.path() + "?return=yes" }

// openVisit shows the page to which a link leads. Opening it changes nothing: mail
// programs and chats open links, too.
func (s *site) openVisit(c echo.Context) error {
	if token := c.Param("token"); guestSecret.MatchString(token) {
		return seeOther(c, guestPage{sentByBackEnd, s.sessions.KeepLink(c, secret.New(token))}.path())
	} else if !linkName.MatchString(token) {
		return s.showNoVisit(c, connect.ErrLinkOver)
	}
	link, name, ok := s.linkIn(c)
	if binding := s.sessions.GuestBinding(c, guestPage{sentByBackEnd, name}); !binding.IsZero() {
		return s.showVisit(c, name, binding)
	}
	if !ok {
		return fieldbridge.Render(c, http.StatusNotFound, views.AskOpenAgain())
	}
	visit, err := s.Connections.VisitByLink(c.Request().Context(), link)
	if err != nil {
		return s.showNoVisit(c, err)
	}
	page := s.newVisitPage(visit, name)
	s.setVisitPolicy(c, page)
	return fieldbridge.Render(c, http.StatusOK, views.VisitStart(page))
}

// showNoVisit says why a link does not work.
func (s *site) showNoVisit(c echo.Context, err error) error {
	switch {
	case errors.Is(err, connect.ErrLinkOpened):
		return fieldbridge.Render(c, http.StatusConflict, views.AskElsewhere())
	case errors.Is(err, connect.ErrLinkOver):
		return fieldbridge.Render(c, http.StatusNotFound, views.VisitOver())
	}
	return err
}

// visit admits the browser to which a link of a back end is bound.
func (s *site) visit(handle func(c echo.Context, name string, binding secret.Value) error) entrance {
	return s.guest(sentByBackEnd, handle)
}

// bindVisit binds the link that the path names to this browser, if it is not bound to it
// yet. It returns the name of the link.
func (s *site) bindVisit(c echo.Context) (name string, binding secret.Value, err error) {
	link, name, ok := s.linkIn(c)
	at := guestPage{sentByBackEnd, name}
	if binding = s.sessions.GuestBinding(c, at); !binding.IsZero() { // a double click
		return name, binding, nil
	}
	if !ok || name == "" {
		return name, binding, errOpenAgain
	}
	binding = newGuestBinding()
	if err := s.Connections.StartSession(c.Request().Context(), link, binding, request.Address(c)); err != nil {
		return name, binding, err
	}
	s.sessions.KeepGuestBinding(c, at, binding, visitCookieLife)
	s.sessions.DropLink(c, name)
	return name, binding, nil
}

// startVisit binds a link to this browser.
func (s *site) startVisit(c echo.Context) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	name, _, err := s.bindVisit(c)
	if errors.Is(err, errOpenAgain) {
		return fieldbridge.Render(c, http.StatusNotFound, views.AskOpenAgain())
	}
	if err != nil {
		return s.showNoVisit(c, err)
	}
	return seeOther(c, guestPage{sentByBackEnd, name}.path())
}

// cancelVisit ends a session at the person's wish, also before they have gone on.
func (s *site) cancelVisit(c echo.Context) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	_, binding, err := s.bindVisit(c)
	if errors.Is(err, errOpenAgain) {
		return fieldbridge.Render(c, http.StatusNotFound, views.AskOpenAgain())
	}
	var visit connect.Visit
	if err == nil {
		visit, err = s.Connections.CancelSession(c.Request().Context(), binding)
	}
	if err != nil {
		return s.showNoVisit(c, err)
	}
	return seeOther(c, visit.ReturnTo(s.Now()))
}

// newVisitPage returns a page with what the session leaves no choice.
func (s *site) newVisitPage(visit connect.Visit, name string) views.VisitPage {
	page := views.VisitPage{Visit: visit, Name: name, Clock: s.clock()}
	page.Choice = models.Choice{Environment: visit.Environment, TenantID: visit.TenantID}
	ways := visit.WayList()
	if len(ways) == 1 {
		page.Choice.Way = ways[0]
	}
	page.Questions = views.ConnectPage{At: views.VisitPath(name), Offers: s.offers().In(visit.Environment).By(ways...), Choice: page.Choice}
	page.Scopes = s.visitScopes(visit)
	return page
}

// visitScopes returns the scopes that are asked for: in the session's environment, or in
// any.
func (s *site) visitScopes(visit connect.Visit) (scopes []string) {
	seen := map[string]bool{}
	for _, e := range s.Connections.Environments() {
		for _, scope := range e.Scopes {
			if (visit.Environment == "" || visit.Environment == e.Name) && !seen[scope] {
				scopes, seen[scope] = append(scopes, scope), true
			}
		}
	}
	return scopes
}

// visitPage returns the page of the session that is bound to this browser.
func (s *site) visitPage(c echo.Context, name string, binding secret.Value) (views.VisitPage, error) {
	visit, err := s.Connections.Visit(c.Request().Context(), binding)
	if err != nil {
		return views.VisitPage{}, err
	}
	request.NoteCompany(c.Request().Context(), visit.CompanyID)
	return s.newVisitPage(visit, name), nil
}

// choose completes the page's choice with what was typed, or says what is wrong with it.
func (s *site) choose(page *views.VisitPage, env, how, tenant string) views.ConnectErrors {
	given := models.Choice{Environment: servicetitan.EnvironmentName(env), Way: servicetitan.Way(how)}
	if page.Visit.Environment != "" {
		given.Environment = page.Visit.Environment
	}
	if ways := page.Visit.WayList(); len(ways) == 1 {
		given.Way = ways[0]
	}
	reading := s.answer(&page.Questions, given, tenant)
	errs := page.Questions.Errors
	page.Choice.Environment, page.Choice.Way, page.Read = page.Questions.Choice.Environment, page.Questions.Choice.Way, !reading.Plain
	if page.Visit.TenantID == 0 {
		page.Choice.TenantID = reading.ID
	} else {
		errs.Tenant = ""
	}
	if environment, ok := s.environment(page.Choice.Environment); ok {
		page.Scopes, page.AppURL = environment.Scopes, environment.AppURL()
	}
	return errs
}

// againAt returns where the person can try again after an attempt.
func againAt(page views.VisitPage, result models.Result) string {
	at := page.StepPath(result.Choice)
	if result.Choice.TenantID != 0 && page.Visit.TenantID == 0 &&
		(result.Outcome == models.OutcomeTenantTaken || result.Outcome == models.OutcomeTenantUnknown) {
		at += "&change=yes"
	}
	return at
}

// setVisitPolicy allows the page's forms to lead to ServiceTitan and to the return URL.
// The page names the program that opened it as the other end of the connection.
func (s *site) setVisitPolicy(c echo.Context, page views.VisitPage) {
	c.SetRequest(c.Request().WithContext(views.ForCaller(c.Request().Context(), page.Visit.CallerName, page.Visit.ByOperator)))
	targets := page.Visit.ReturnOrigin()
	if environment, ok := s.environment(page.Choice.Environment); ok {
		targets += " " + environment.AuthURL.Scheme + "://" + environment.AuthURL.Host
	}
	setPolicy(c.Response().Header(), targets)
}

// showVisit shows the step at which the person is.
func (s *site) showVisit(c echo.Context, name string, binding secret.Value) error {
	page, err := s.visitPage(c, name, binding)
	if err != nil {
		return s.showNoVisit(c, err)
	}
	how := c.QueryParam("how")
	if page.Visit.Setup != nil && how == "" {
		how = string(servicetitan.Guided) // it is under way
	}
	given := page.Questions.Offers.Settle(models.Choice{Environment: servicetitan.EnvironmentName(c.QueryParam("env")), Way: servicetitan.Way(how)})
	errs := s.choose(&page, string(given.Environment), string(given.Way), c.QueryParam("tenant"))
	page.Read = c.QueryParam(readQuery) != ""
	if page.Visit.Status != connect.SessionCreated && page.Visit.Status != connect.SessionOpened {
		return s.showVisitEnd(c, page)
	}
	s.setVisitPolicy(c, page)
	if errs != (views.ConnectErrors{}) || c.QueryParam("change") != "" && page.Visit.TenantID == 0 {
		page.Questions.Errors = views.ConnectErrors{} // nothing was answered yet
		if errs.Tenant != "" {
			page.Questions.Tenant = "" // the address may have been written by anybody
		}
		return s.showQuestions(c, http.StatusOK, page)
	}
	return s.showVisitStep(c, http.StatusOK, page)
}

func (s *site) showVisitEnd(c echo.Context, page views.VisitPage) error {
	s.setVisitPolicy(c, page)
	setup := page.Visit.Setup
	page.GoOn = c.QueryParam("return") != ""
	if page.Visit.Status == connect.SessionSetupRequested && setup != nil && setup.Step == models.StepAllowAccess && !page.GoOn {
		page.Choice.Environment, page.Choice.Way, page.Choice.TenantID = setup.Environment, servicetitan.Guided, setup.TenantID
		if environment, ok := s.environment(setup.Environment); ok {
			page.AppURL = environment.AppURL()
		}
		return fieldbridge.Render(c, http.StatusOK, views.VisitGuided(page))
	}
	return fieldbridge.Render(c, http.StatusOK, views.VisitEnd(page))
}

// showQuestions asks what the session leaves to the person.
func (s *site) showQuestions(c echo.Context, status int, page views.VisitPage) error {
	page.Read = false
	page.Choice = models.Choice{Environment: page.Visit.Environment, TenantID: page.Visit.TenantID}
	return fieldbridge.Render(c, status, views.VisitQuestions(page))
}

// showVisitStep shows the step of the way that was chosen.
func (s *site) showVisitStep(c echo.Context, status int, page views.VisitPage) error {
	switch page.Choice.Way {
	case servicetitan.SignIn:
		return fieldbridge.Render(c, status, views.VisitSignIn(page))
	case servicetitan.OwnCredentials:
		return fieldbridge.Render(c, status, views.VisitCredentials(page))
	case servicetitan.Guided:
	}
	return fieldbridge.Render(c, status, views.VisitGuided(page))
}

// chooseInVisit takes the answers and goes on to the step of the way.
func (s *site) chooseInVisit(c echo.Context, name string, binding secret.Value) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page, err := s.visitPage(c, name, binding)
	if err != nil {
		return s.showNoVisit(c, err)
	}
	if page.Questions.Errors = s.choose(&page, f.Line("env"), f.Line("how"), f.Line("tenant")); page.Questions.Errors != (views.ConnectErrors{}) {
		s.setVisitPolicy(c, page)
		return s.showQuestions(c, http.StatusUnprocessableEntity, page)
	}
	to := page.StepPath(page.Choice)
	if page.Read {
		to += "&" + readQuery + "=yes"
	}
	return seeOther(c, to)
}

// chosenVisit admits a form that carries what the person has chosen. Without a choice
// that the session leaves to the person, or if the session has ended, it leads to the
// page that says so.
func (s *site) chosenVisit(handle func(c echo.Context, f form, page views.VisitPage, binding secret.Value) error) entrance {
	return s.visit(func(c echo.Context, name string, binding secret.Value) error {
		f, err := readForm(c)
		if err != nil {
			return err
		}
		page, err := s.visitPage(c, name, binding)
		if err != nil {
			return s.showNoVisit(c, err)
		}
		errs := s.choose(&page, f.Line("env"), f.Line("how"), f.Line("tenant"))
		if errs != (views.ConnectErrors{}) || page.Visit.Status != connect.SessionOpened {
			return seeOther(c, guestPage{sentByBackEnd, name}.path())
		}
		s.setVisitPolicy(c, page)
		return handle(c, f, page, binding)
	})
}

// authorizeVisit sends the person to ServiceTitan. The page before has named who asks,
// and the company that will be connected.
func (s *site) authorizeVisit(c echo.Context, _ form, page views.VisitPage, binding secret.Value) error {
	to, err := s.Connections.BeginVisit(c.Request().Context(), binding, page.Choice)
	if err != nil {
		return s.showNoVisit(c, err)
	}
	return seeOther(c, to)
}

// requestInVisit asks our staff for a setup.
func (s *site) requestInVisit(c echo.Context, _ form, page views.VisitPage, binding secret.Value) error {
	if err := s.Connections.RequestVisit(c.Request().Context(), binding, page.Choice, request.SupportCode(c)); err != nil {
		return s.showNoVisit(c, err)
	}
	return s.leaveVisit(c, page.Name, binding)
}

// allowInVisit records the person's statement that the app is allowed.
func (s *site) allowInVisit(c echo.Context, name string, binding secret.Value) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	err := s.Connections.AllowVisit(c.Request().Context(), binding, request.SupportCode(c))
	if err := ignoreClosed(err); err != nil {
		return s.showNoVisit(c, err)
	}
	return s.leaveVisit(c, name, binding)
}

// leaveVisit sends the person back to where they came from, if their part is over.
func (s *site) leaveVisit(c echo.Context, name string, binding secret.Value) error {
	visit, err := s.Connections.Visit(c.Request().Context(), binding)
	if err != nil {
		return s.showNoVisit(c, err)
	}
	if visit.Status == connect.SessionOpened {
		return seeOther(c, guestPage{sentByBackEnd, name}.path())
	}
	return seeOther(c, visit.ReturnTo(s.Now()))
}

// tryInVisit tries the client ID and secret that the person typed.
func (s *site) tryInVisit(c echo.Context, f form, page views.VisitPage, binding secret.Value) error {
	own := servicetitan.OwnClient{ID: pasted(f.Raw("client")), Secret: secret.New(pasted(f.Raw("secret")))}
	page.ClientID, page.Errors = shownAgain(own.ID), missingClient(own)
	if page.Errors != (views.CredentialsErrors{}) {
		return s.showVisitStep(c, http.StatusUnprocessableEntity, page)
	}
	result, err := s.Connections.TryVisit(c.Request().Context(), binding, page.Choice, own, request.SupportCode(c))
	if err != nil {
		return s.showNoVisit(c, err)
	}
	if result.Outcome == models.OutcomeConnected {
		return s.leaveVisit(c, page.Name, binding)
	}
	if !besideForm(result.Outcome) {
		return s.showGuestFailed(c, guestPage{sentByBackEnd, page.Name}, result)
	}
	var status int
	page.Errors, page.Result, status = s.tellBesideForm(c, own, page.Choice.Environment, result)
	return s.showVisitStep(c, status, page)
}
