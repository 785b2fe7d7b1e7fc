package staff

import (
	"cmp"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// advice is what staff need on the phone: the problem, and the sentence for the
// customer.
type advice struct {
	title, text string
	// answer is ServiceTitan's answer, in its own code.
	answer string
	tell   string
}

const (
	howToReconnect = " Please sign in to Fieldbridge, open the connection’s page, and choose Reconnect. It takes about a minute and needs a ServiceTitan admin."
	nothingToDo    = " Nothing is lost, and there is nothing you need to do. We keep trying."
)

// reasonAdvice says why a connection fails.
//
//exhaustive:ignore
var reasonAdvice = map[models.Reason]advice{
	models.ReasonNone: {
		"It does not work, and we do not know why", "No reason is on record. The log has more, under the support codes below.", "",
		"Something does not work, and we have to look into it. I will write it down and get back to you.",
	},
	models.ReasonUnavailable: {
		"ServiceTitan does not answer", "Renewals or checks get no answer, or an error.", "5xx",
		"ServiceTitan is not answering us right now." + nothingToDo,
	},
	models.ReasonRateLimited: {
		"ServiceTitan asks us to wait", "It has had too many requests from the app.", "429",
		"ServiceTitan is busy and asked us to wait a little." + nothingToDo,
	},
	models.ReasonGrantRefused: {
		"ServiceTitan refuses the access", "Most likely someone removed Fieldbridge under API Application Access.", "invalid_grant",
		"ServiceTitan no longer lets us in. That usually means that Fieldbridge was removed there." + howToReconnect,
	},
	models.ReasonClientRefused: {
		"ServiceTitan refuses the client ID and secret", "Someone may have disabled Fieldbridge, or made a new secret, under API Application Access.", "invalid_client",
		"ServiceTitan no longer accepts the client ID and secret. Please check under API Application Access whether Fieldbridge is disabled." + howToReconnect,
	},
	models.ReasonAnswerLost: {
		"The answer to a renewal was lost", "ServiceTitan had renewed access, but its answer did not reach us. The previous refresh token is no longer valid.", "invalid_grant",
		"The access was lost because of a problem between ServiceTitan and us. Nobody did anything wrong." + howToReconnect,
	},
	models.ReasonNotAllowed: {
		"ServiceTitan does not allow the app for this tenant", "The token is good, but Fieldbridge was disabled or removed under API Application Access.", "403",
		"ServiceTitan does not let us use your account anymore. Please have a ServiceTitan admin allow Fieldbridge again under API Application Access. Then please sign in to Fieldbridge, open the connection’s page, and choose I have allowed it again.",
	},
	models.ReasonUnauthorized: {
		"The API refuses a token that was just issued", "The app key of this environment may be wrong: ask an engineer to run fieldbridge doctor.", "401",
		"ServiceTitan does not accept our access, even right after it was renewed. I will pass this on to our engineers and call you back.",
	},
	models.ReasonTenantUnknown: {
		"ServiceTitan does not know the tenant", "The account may have been closed or moved.", "404",
		"ServiceTitan says that it has no account with this tenant ID. Please compare it with My Tenant ID at the top right of API Application Access.",
	},
	models.ReasonSealBroken: {
		"The stored access is unreadable", "This is our mistake: it was altered, or encrypted with a key that we do not have. Tell an engineer.", "",
		"We can no longer read the access that we kept for you. That is our mistake, and nobody else can read it either." + howToReconnect,
	},
	models.ReasonOurSide: {
		"There is a problem on our side", "ServiceTitan refuses our request or our registration, or its metadata contradicts our settings. " +
			"Ask an engineer to look for the alarm in the log and to run fieldbridge doctor.", "",
		"There is a problem on our side. Nothing is lost, and there is nothing you need to do. Our engineers know about it and are fixing it.",
	},
}

// noRefresh says for each state why a renewal cannot help.
//
//exhaustive:ignore
var noRefresh = map[models.State]string{
	models.Disconnected: "There is nothing to refresh: the access has been deleted.",
	models.Pending:      "There is nothing to refresh yet.",
}

// noRefreshFor says why a renewal cannot help a connection that needs a person, and
// who has to act. Whatever the reason was, only a new authorization brings such a
// connection back.
//
//exhaustive:ignore
var noRefreshFor = map[models.Reason]string{
	models.ReasonNone:          "A refresh cannot help: renewals have stopped, and a person has to reconnect.",
	models.ReasonGrantRefused:  "A refresh cannot help: ServiceTitan has refused for good, and a person has to reconnect.",
	models.ReasonClientRefused: "A refresh cannot help: ServiceTitan refuses the only client ID and secret that we have, and a person has to reconnect.",
	models.ReasonAnswerLost:    "A refresh cannot help: we have no valid refresh token, and a person has to reconnect.",
	models.ReasonNotAllowed:    "A refresh cannot help: new access would not be allowed either. A ServiceTitan admin has to allow Fieldbridge again. Then someone at the company chooses I have allowed it again.",
	models.ReasonUnauthorized:  "A refresh cannot help: the API would refuse the next token too. Our engineers have to fix it; then a person has to reconnect.",
	models.ReasonTenantUnknown: "A refresh cannot help: no token works for a tenant that does not exist. The company has to find its tenant ID; then a person has to reconnect, or connect the right one.",
	models.ReasonSealBroken:    "A refresh cannot help: the stored access that it needs is unreadable. Our engineers have to find out why, and a person has to reconnect.",
}

// noRefresh says why a renewal cannot help the connection. It is empty if it can.
func (p ConnectionPage) noRefresh() string {
	c := p.View.Connection
	if c.State != models.ReconnectNeeded {
		return noRefresh[c.State]
	}
	return cmp.Or(noRefreshFor[c.Reason], noRefreshFor[models.ReasonNone])
}

// setupAdvice describes the progress of a setup.
func setupAdvice(s *support.QueuedSetup) advice {
	if s == nil {
		return advice{title: views.WordsOfState(models.Pending).Word, text: "No step is open.", tell: "Your connection is not set up yet. Please open its page: it shows what comes next."}
	}
	a := advice{title: "The setup is waiting for us", text: "Next step: " + lowerFirst(nextStep(*s)) + "."}
	if s.WaitsFor == models.TheCompany {
		a.title = "The setup is waiting for the company"
	}
	switch {
	case s.Problem != "":
		a.text, a.tell = a.text+" "+sentBack[s.Problem]+".", views.SetupProblem(s.Problem)
	case s.Step == models.StepAddTenant:
		a.tell = "We add your tenant ID, usually within a business day. Then a ServiceTitan admin can allow Fieldbridge. The connection’s page shows when."
	case s.Step == models.StepAllowAccess:
		a.tell = "In ServiceTitan, an admin opens Settings, Integrations, API Application Access, chooses Connect New App, then Fieldbridge, then Allow Access. The connection’s page has a guide to pass on."
	case !s.Proven:
		a.tell = "We confirm with a ServiceTitan admin of your company that you may connect this account. We call a number that your website or ServiceTitan shows. Then we finish the setup."
	default:
		a.tell = "We have what we need and finish it, usually within a business day. There is nothing you need to do."
	}
	return a
}

// advice describes the problem of the connection.
func (p ConnectionPage) advice() advice {
	c := p.View.Connection
	switch views.ShownState(c) {
	case models.Pending:
		return setupAdvice(p.View.Setup)
	case models.Connected:
		got := "renewed"
		if !views.Renewed(c) {
			got = "given"
		}
		return advice{
			title: "It works", text: "Access was " + got + " " + p.Clock.Ago(c.RenewedAt) + " and renews automatically.",
			tell: "Your connection to ServiceTitan works. If something is missing, please choose Test connection on its page and tell me what it says.",
		}
	case models.Disconnected:
		a := advice{
			title: "It is disconnected", text: strings.TrimSpace(views.DisconnectedBy(p.View.Events)) + ". The history stays.",
			tell: "The connection was ended, and nothing changed in ServiceTitan. To use it again, please sign in to Fieldbridge, open its page, and choose Reconnect.",
		}
		if c.ConnectedAt.IsZero() {
			a.title, a.text = "The setup was canceled", "It was never connected."
			a.tell = "The setup was canceled before it was finished. To start again, please sign in to Fieldbridge, open its page, and choose Reconnect."
		}
		return a
	case models.Degraded:
		if p.Outage != nil {
			return outageAdvice(*p.Outage, p.Clock)
		}
	case models.ReconnectNeeded: // see below
	}
	a := reasonAdvice[c.Reason]
	if p.Outage != nil {
		a = afterOutage(a, *p.Outage, p.Clock)
	}
	for _, t := range p.View.Tasks {
		if t.Kind == models.TaskOurSide && c.Reason == models.ReasonOurSide {
			a.answer = ourSideAnswer(t)
		}
	}
	return a
}

// ourSideAnswer returns ServiceTitan's answer, in its own code. It is empty if
// ServiceTitan was not asked because its metadata is wrong.
func ourSideAnswer(t support.Task) string {
	if t.Cause == models.CauseMetadata {
		return ""
	}
	return t.Cause
}

// taskText describes a task.
func taskText(t support.Task) string {
	text := taskWords[t.Kind]
	if t.Kind == models.TaskDeleteSecret && t.OldSecret != models.NoSecret {
		return "Delete the old client secret" + oldSecretWords(t.OldSecret) + ", in the developer portal"
	}
	if t.Kind != models.TaskOurSide {
		return text
	}
	if answer := ourSideAnswer(t); answer != "" {
		text += " ServiceTitan answers " + answer + "."
	} else if t.Cause != "" {
		text += " ServiceTitan’s metadata contradicts our settings."
	}
	return text + " Ask an engineer to run fieldbridge doctor."
}

// lowerFirst turns a title into a part of a sentence.
func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}
