package views

import (
	"net/url"
	"strconv"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// VisitPage is what a person sees whom a back end has sent to connect. They have no
// account, and see nothing else of the company.
type VisitPage struct {
	Visit connect.Visit
	// Name is the name by which the browser knows the link. It is not secret.
	Name string
	// Choice is what the person has chosen so far, with what the session leaves no
	// choice.
	Choice models.Choice
	// Questions has what is asked, and what was typed.
	Questions ConnectPage
	Scopes    []string
	AppURL    string // of ServiceTitan itself
	ClientID  string // as it was typed; the secret is never shown again
	Errors    CredentialsErrors
	// Result is the result of the last attempt with a client ID and secret, if it
	// concerns no single field.
	Result models.Result
	// Read says that the tenant ID was read from a text.
	Read bool
	// GoOn says that the browser goes on to the return URL at once.
	GoOn  bool
	Clock Clock
}

// VisitPath returns the address of the pages about a link.
func VisitPath(name string) string { return "/c/" + name }

// action returns the address of one of the page's forms.
func (p VisitPage) action(name string) string { return VisitPath(p.Name) + "/" + name }

// StepPath returns the address of the step that belongs to a choice. A choice that is
// not complete leads to the questions.
func (p VisitPage) StepPath(choice models.Choice) string {
	return questionsPath(VisitPath(p.Name), choice, false)
}

// choiceField is a part of a choice in a form or an address.
type choiceField struct{ name, value string }

func fieldsOf(choice models.Choice) []choiceField {
	tenant := ""
	if choice.TenantID != 0 {
		tenant = strconv.FormatInt(choice.TenantID, 10)
	}
	return []choiceField{{"env", string(choice.Environment)}, {"how", string(choice.Way)}, {"tenant", tenant}}
}

// questionsOpen reports whether the person could choose something.
func (p VisitPage) questionsOpen() bool {
	return p.Visit.TenantID == 0 || p.Questions.choosesWay() || p.Questions.choosesEnvironment()
}

// change returns the address where the person changes what they chose: the last question
// that the session leaves to them.
func (p VisitPage) change() string {
	switch {
	case p.Visit.TenantID == 0:
		return p.StepPath(p.Choice) + "&change=yes"
	case p.Questions.choosesEnvironment():
		return p.Questions.otherEnvironmentPath()
	}
	return p.Questions.otherWayPath()
}

func (p VisitPage) caller() string  { return Isolate(p.Visit.CallerName) }
func (p VisitPage) company() string { return Isolate(p.Visit.CompanyName) }

// returnTo returns where the person goes at the end.
func (p VisitPage) returnTo() string { return p.Visit.ReturnTo(p.Clock.Now) }

// returnHost returns the host of the return URL. Anybody can take the name of another
// program or company, but not its host.
func (p VisitPage) returnHost() string {
	to, err := url.Parse(p.Visit.ReturnURL)
	if err != nil {
		return ""
	}
	return to.Host
}

// goOn returns where the browser goes on at once, if it does.
func (p VisitPage) goOn() string {
	if p.GoOn {
		return p.returnTo()
	}
	return ""
}

// visitEnd says how a session ended.
type visitEnd struct {
	// tone and icon are of the picture; connected is the picture of the bridge.
	tone, icon string
	title      string
	text       func(p VisitPage) string
}

// visitEnds has words for each status in which a person's part is over.
//
//exhaustive:ignore
var visitEnds = map[connect.SessionStatus]visitEnd{
	connect.SessionConnected: {"ok", "check", "ServiceTitan is connected", func(p VisitPage) string {
		return "ServiceTitan is connected for " + p.company() + ", and the access works."
	}},
	connect.SessionSetupRequested: {"info", "clock", "Your part is done for now", func(p VisitPage) string {
		return "We are setting up the connection for " + p.company() + ". " + p.caller() + " shows the progress."
	}},
	connect.SessionCanceled: {"off", "off", "Canceled", func(p VisitPage) string {
		return "Nothing was connected for " + p.company() + ". To connect after all, start again at " + p.caller() + "."
	}},
	connect.SessionExpired: {"off", "clock", "Your time is up", func(p VisitPage) string {
		return "Nothing was connected for " + p.company() + ". For your safety, the page works for 2 hours. Start again at " + p.caller() + "."
	}},
}

func (p VisitPage) end() visitEnd { return visitEnds[p.Visit.Status] }

// visitTitles has the titles of the pages on which a person does what a way needs.
//
//exhaustive:ignore
var visitTitles = map[models.Way]string{
	models.SignInWay:         "Review access",
	models.OwnCredentialsWay: "Enter your ServiceTitan details",
	models.GuidedWay:         "Set it up with us",
}
