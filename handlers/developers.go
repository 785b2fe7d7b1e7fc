package handlers

import (
	"context"
	"io"
	"net/http"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

const (
	developersPath      = "/developers"
	staffDevelopersPath = "/staff/developers"
)

// developer is who manages API keys and webhooks: an owner those of their company, or an
// admin of our staff those of the operator. Both have the same pages, in different
// frames.
type developer struct {
	by accounts.Actor
	// whose is the company of an owner. It is nil for staff.
	whose *uuid.UUID
	// owner is zero for staff.
	owner accounts.Visitor
	page  views.DeveloperPage
	frame func(views.DeveloperFrame) templ.Component
}

// companyDeveloper admits the owners of a company to what is their company's.
func (s *site) companyDeveloper(handle func(echo.Context, developer) error) entrance {
	return s.owner(func(c echo.Context, v owner) error {
		return handle(c, developer{
			by: v.Actor(), whose: &v.CompanyID, owner: v.Visitor,
			page:  views.DeveloperPage{At: developersPath, Done: c.QueryParam("done"), Clock: s.clockOf(v.Visitor)},
			frame: func(f views.DeveloperFrame) templ.Component { return views.Developers(v.Visitor, f) },
		})
	})
}

// staffDeveloper admits admins of our staff to all API keys, and to the operator's own
// webhooks.
func (s *site) staffDeveloper(handle func(echo.Context, developer) error) entrance {
	return s.staffAdmin(func(c echo.Context, m admin) error {
		return handle(c, developer{
			by:    m.Actor(),
			page:  views.DeveloperPage{At: staffDevelopersPath, Staff: true, Done: c.QueryParam("done"), Clock: s.clock()},
			frame: func(f views.DeveloperFrame) templ.Component { return staff.Developers(m.Staff, f) },
		})
	})
}

// developerRoutes lists the addresses of the pages for developers.
func developerRoutes(s *site, at string, enter func(func(echo.Context, developer) error) entrance) []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, at, enter(s.listKeys)},
		{get, at + "/keys/new", enter(s.newKeyForm)},
		{post, at + "/keys", enter(s.makeKey)},
		{get, at + "/keys/:id", enter(withID(s.showKey))},
		{post, at + "/keys/:id", enter(withID(s.changeKey))},
		{get, at + "/keys/:id/roll", enter(withID(s.rollForm))},
		{post, at + "/keys/:id/roll", enter(withID(s.rollKey))},
		{post, at + "/keys/:id/end-old", enter(withID(s.endOldSecret))},
		{get, at + "/keys/:id/revoke", enter(withID(s.confirmRevoke))},
		{post, at + "/keys/:id/revoke", enter(withID(s.revokeKey))},

		{get, at + "/webhooks", enter(s.listEndpoints)},
		{post, at + "/webhooks", enter(s.addEndpoint)},
		{get, at + "/webhooks/new", enter(s.newEndpointForm)},
		{get, at + "/webhooks/:id", enter(withID(s.showEndpoint))},
		{post, at + "/webhooks/:id", enter(withID(s.changeEndpoint))},
		{get, at + "/webhooks/:id/rotate", enter(withID(s.askAbout("Replace the secret?", views.RotateSecret)))},
		{post, at + "/webhooks/:id/rotate", enter(withID(s.rotateSecret))},
		{post, at + "/webhooks/:id/test", enter(withID(s.sendTest))},
		{post, at + "/webhooks/:id/resume", enter(withID(s.resumeEndpoint))},
		{get, at + "/webhooks/:id/replay", enter(withID(s.replayForm))},
		{post, at + "/webhooks/:id/replay", enter(withID(s.replaySince))},
		{get, at + "/webhooks/:id/remove", enter(withID(s.askAbout("Remove this endpoint?", views.RemoveEndpoint)))},
		{post, at + "/webhooks/:id/remove", enter(withID(s.removeEndpoint))},

		{get, at + "/deliveries", enter(s.listDeliveries)},
		{get, at + "/deliveries/:id", enter(withID(s.showDelivery))},
		{post, at + "/deliveries/:id/replay", enter(withID(s.replayDelivery))},
	}
}

// show answers with a page in the developer's frame.
func (d developer) show(c echo.Context, status int, title string, content templ.Component) error {
	return fieldbridge.Render(c, status, d.framed(title, content))
}

// showSecret is show for a page with a secret.
func (d developer) showSecret(c echo.Context, title string, content templ.Component) error {
	return fieldbridge.RenderSecret(c, http.StatusOK, d.framed(title, content))
}

func (d developer) framed(title string, content templ.Component) templ.Component {
	frame := d.frame(views.DeveloperFrame{Title: title, Itself: title == developersTitle})
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return frame.Render(templ.WithChildren(ctx, content), w)
	})
}

// developersTitle is the title of the page to which the menu leads.
const developersTitle = "Developers"

// seen returns the address of a page, which says what was just changed.
func (d developer) seen(path, done string) string { return d.page.At + path + "?done=" + done }
