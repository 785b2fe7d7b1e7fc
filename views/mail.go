package views

import (
	"strconv"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
)

// MailText is the text of a mail.
type MailText struct {
	Subject, Title string
	Paragraphs     []string
	// Action is the button's text. It leads to the connection's page.
	Action string
	Facts  [][2]string
	Foot   string
	// NoSignIn says that the link works without signing in first.
	NoSignIn bool
}

// Mail returns the text of a mail. It never contains words that a person typed,
// such as the name of a person or a company. Addresses are not verified, so a
// stranger could otherwise make us send such words to anybody. The tenant ID says
// which account the mail is about; ServiceTitan has confirmed that number.
func Mail(m models.OutgoingMail) MailText {
	if m.Account != nil {
		return accountMail(*m.Account)
	}
	tenant := strconv.FormatInt(m.TenantID, 10)
	about := ": ServiceTitan tenant " + tenant
	text := MailText{
		Facts: [][2]string{{"Tenant ID", tenant}, {"Environment", m.Environment.Label()}},
		Foot: "You are receiving this because an account with this address is an owner of the company in Fieldbridge, or connected it. " +
			"If you do not know Fieldbridge, someone gave your address by mistake, and you can ignore this. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
	switch m.Kind {
	case models.MailReconnectNeeded:
		text.Subject, text.Title = "Reconnect needed"+about, reconnectAdviceFor(m.Reason).title
		text.Action = "Reconnect ServiceTitan"
		text.Paragraphs = []string{
			reasons[m.Reason] + " Until it is reconnected, the integration cannot reach ServiceTitan.",
			reconnectAdviceFor(m.Reason).next() + " You need a ServiceTitan admin, with the permission Manage API Application Access. Nothing is deleted in ServiceTitan.",
		}
	case models.MailWorksAgain:
		text.Subject, text.Title = "Works again"+about, "ServiceTitan is connected again"
		text.Action = "See the connection"
		text.Paragraphs = []string{"The connection that we wrote to you about works again. There is nothing you need to do."}
	case models.MailUpgradeNeeded:
		text.Subject, text.Title = "A new version to allow"+about, "A new version of Fieldbridge needs your OK in ServiceTitan"
		text.Action = "See what is missing"
		text.Paragraphs = []string{
			"The connection keeps working, but without part of the access.",
			"A ServiceTitan admin opens Settings, Integrations, API Application Access, and chooses Upgrade to New Version next to Fieldbridge.",
		}
	case models.MailSetupAllow:
		text.Subject, text.Title = "Your setup waits for you"+about, "One step in ServiceTitan is left for your company"
		text.Action = "See the steps"
		text.Paragraphs = []string{
			"You asked us to set up this connection. We continue as soon as a ServiceTitan admin has allowed Fieldbridge.",
			"The admin opens Settings, Integrations, API Application Access, chooses Connect New App, picks Fieldbridge, and chooses Allow Access. It takes about two minutes. Then say on the page that it is done.",
		}
	case models.MailSetupTenant:
		text.Subject, text.Title = "Your setup waits for you"+about, "Check the tenant ID of your setup"
		text.Action = "See what is wrong"
		text.Paragraphs = []string{
			"You asked us to set up this connection. We could not continue with this tenant ID.",
			"The page says why. In ServiceTitan, an admin finds the right number under Settings, Integrations, API Application Access, as My Tenant ID.",
		}
	}
	return text
}

// Plain returns the plain-text version of the mail, with the link spelled out.
func (t MailText) Plain(link string) string {
	var b strings.Builder
	b.WriteString("Hello,\n\n" + t.Title + ".\n\n" + strings.Join(t.Paragraphs, "\n\n") + "\n\n" + t.Action + ":\n" + link + "\n\n")
	for _, fact := range t.Facts {
		b.WriteString(fact[0] + ": " + fact[1] + "\n")
	}
	b.WriteString("\n" + t.Foot + "\n")
	return b.String()
}
