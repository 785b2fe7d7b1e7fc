package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// A run shows the pages of two people side by side. A browser has one session, so neither
// page is one of the session's: the server renders both, as it would for people whose
// sign-ins a demo tells everybody, and gives the browser no session for it. Such a page can
// be framed by our own pages only, and sends no form. It changes nothing, except that the
// timeline says who of support has looked, as always.

// The parts of a run, which the command that starts the demo fills in.
type (
	// Run is the demo that arranges itself.
	Run = views.Run
	// RunStep is a step of a run.
	RunStep = views.RunStep
	// Scene is what a step of a run needs to be true.
	Scene = views.Scene
)

// The scenes.
const (
	SceneNothing   = views.SceneNothing
	SceneWorking   = views.SceneWorking
	SceneDown      = views.SceneDown
	SceneWithdrawn = views.SceneWithdrawn
)

// ShownState returns the word by which pages show a connection's state.
func ShownState(c models.Connection) string { return views.WordsOfState(views.ShownState(c)).Word }

// Director gives a demo that arranges itself.
type Director struct {
	Run Run
	// Person finds one of the run's two people.
	Person func(ctx context.Context, email string) (RunPerson, error)
	// Connection returns the connection of the owner's company that the run is about. It is
	// the zero Connection if there is none.
	Connection func(ctx context.Context, companyID uuid.UUID) (models.Connection, error)
	// Arrange makes a scene true, whatever was before. from is the address of the browser
	// that asks. Arrange returns a ThrottledError if it asks too often.
	Arrange func(ctx context.Context, scene Scene, from string) error
	// Reset begins the whole demo again.
	Reset func(ctx context.Context) error
	// Mails returns the subjects of the mails to an address, newest first.
	Mails func(email string) []string
}

// ErrSandboxSilent says that a scene could not be arranged because the sandbox does not
// answer.
var ErrSandboxSilent = errors.New("the sandbox does not answer")

// RunPerson identifies one of a run's people.
type RunPerson struct {
	// CompanyID is uuid.Nil for staff.
	UserID, CompanyID uuid.UUID
	Epoch             int
}

const (
	runPath = "/demo/run"
	// framedPolicy replaces the content security policy of a page in a run's frame. Our own
	// pages may frame it, and it sends no form.
	framedPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; " +
		"object-src 'none'; frame-ancestors 'self'; form-action 'none'"
	// longestRun is how long the address of a run may tell when it began.
	longestRun = 24 * time.Hour
)

// runRoutes lists the addresses of a run. Only a demo has them.
func (s *staffSite) runRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, runPath, anyone(s.showRun)},
		{post, runPath, anyone(s.moveRun)},
		{post, runPath + "/reset", anyone(s.resetRun)},
		{get, runPath + "/:side/:step", anyone(s.showSide)},
	}
}

// runStep reads a step, counted from 1.
func (s *site) runStep(text string) (int, bool) {
	at, err := strconv.Atoi(text)
	return at, err == nil && at >= 1 && at <= len(s.Director.Run.Steps)
}

// showRun shows a step. It arranges nothing.
func (s *staffSite) showRun(c echo.Context) error {
	at, ok := s.runStep(c.QueryParam("step"))
	if !ok {
		at = 1
	}
	return s.showStep(c, http.StatusOK, at, s.runBegan(c.QueryParam("begun")), 0)
}

// showStep shows a step. Missed is the step that could not be arranged; 0 if there is none.
func (s *staffSite) showStep(c echo.Context, status, at int, begun time.Time, missed int) error {
	page := views.RunPage{
		Run: &s.Director.Run, At: at, Now: s.Now(), Begun: begun, Missed: missed,
		Mails: s.Director.Mails(s.Director.Run.Owner.Email), MailboxURL: s.Demo.MailboxURL, SandboxURL: s.Demo.SandboxURL,
	}
	c.Response().Header().Set("Content-Security-Policy", policy+"; frame-src 'self'")
	return fieldbridge.Render(c, status, views.DemoRun(page))
}

// runBegan reads when a run began. It is zero for what cannot be.
func (s *site) runBegan(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if began := time.Unix(seconds, 0); err == nil && !began.After(s.Now()) && s.Now().Sub(began) < longestRun {
		return began
	}
	return time.Time{}
}

// moveRun arranges a step's scene, and shows the step.
func (s *staffSite) moveRun(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	at, ok := s.runStep(f.Line("step"))
	if !ok {
		return seeOther(c, runPath)
	}
	began := s.runBegan(f.Line("begun"))
	err = s.Director.Arrange(c.Request().Context(), s.Director.Run.Steps[at-1].Scene, request.Address(c))
	if errors.Is(err, ErrSandboxSilent) {
		from, ok := s.runStep(f.Line("from"))
		if !ok {
			from = 1
		}
		request.NoteError(c.Request().Context(), slog.LevelWarn, err)
		return s.showStep(c, http.StatusServiceUnavailable, from, began, at)
	}
	if err != nil {
		return err
	}
	if began.IsZero() {
		began = s.Now()
	}
	return seeOther(c, runPath+"?"+url.Values{"step": {strconv.Itoa(at)}, "begun": {strconv.FormatInt(began.Unix(), 10)}}.Encode())
}

// resetRun begins the whole demo again.
func (s *staffSite) resetRun(c echo.Context) error {
	if err := s.Director.Reset(c.Request().Context()); err != nil {
		return err
	}
	return seeOther(c, runPath)
}

// showSide shows a person's page in a frame.
func (s *staffSite) showSide(c echo.Context) error {
	at, ok := s.runStep(c.Param("step"))
	if !ok {
		return database.ErrNotFound
	}
	// A page that somebody opens outside the frame would look as if they were signed in.
	if c.Request().Header.Get("Sec-Fetch-Dest") == "document" {
		return seeOther(c, runPath+"?step="+strconv.Itoa(at))
	}
	run := &s.Director.Run
	side := views.RunSide(c.Param("side"))
	who := map[views.RunSide]DemoAccount{views.OwnerSide: run.Owner, views.SupportSide: run.Support}[side]
	if who.Email == "" {
		return database.ErrNotFound
	}
	ctx := c.Request().Context()
	owner, err := s.Director.Person(ctx, run.Owner.Email)
	if err != nil {
		return s.runGone(c, err)
	}
	of := owner
	if side == views.SupportSide {
		if of, err = s.Director.Person(ctx, who.Email); err != nil {
			return s.runGone(c, err)
		}
	}
	connection, err := s.Director.Connection(ctx, owner.CompanyID)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", framedPolicy)
	return s.dispatch(c, s.sessions.Lend(views.Framed(ctx, side, at), of), side, run.Steps[at-1], owner.CompanyID, connection)
}

// dispatch answers with the page that a side shows at a step.
func (s *staffSite) dispatch(c echo.Context, ctx context.Context, side views.RunSide, step RunStep, companyID uuid.UUID, connection models.Connection) error {
	path, query, id := "/connections", "", connection.ID
	page := s.member(s.listConnections)
	switch none := id == uuid.Nil; {
	case side == views.OwnerSide && !none && step.Scene != views.SceneNothing:
		path, page = connectionPath(id), s.member(withID(s.showConnection))
		if step.New {
			query = "done=connected"
		}
	case side == views.SupportSide && none:
		id = companyID
		path, page = "/staff/companies/"+id.String(), s.staffMember(withID(s.staffCompany))
	case side == views.SupportSide:
		path, page = "/staff/connections/"+id.String(), s.staffMember(withID(s.staffConnection))
	}
	r := c.Request().WithContext(ctx)
	r.URL = &url.URL{Path: path, RawQuery: query}
	c.SetRequest(r)
	c.SetParamNames("id")
	c.SetParamValues(id.String())
	return page.handle(c)
}

// runGone says that a person of the run is not there anymore.
func (s *site) runGone(c echo.Context, err error) error {
	if !errors.Is(err, database.ErrNotFound) && !errors.Is(err, accounts.ErrSignedOut) {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", framedPolicy)
	return fieldbridge.Render(c, http.StatusOK, views.RunGone())
}
