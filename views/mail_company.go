package views

import (
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// tenantsNamed is the most tenant IDs that a mail lists.
const tenantsNamed = 10

// companyDeletion returns the mail which says that a company will be deleted. Its
// name was typed by somebody, so the mail names the tenants that are connected.
func companyDeletion(m accounts.PreparedMail) MailText {
	on := m.CreatedAt.Add(accounts.DeletionWait).In(time.UTC).Format(dateLayout)
	what := "It has no connection to ServiceTitan."
	tenants := strings.Split(m.Detail, ", ")
	switch {
	case m.Detail == "":
	case len(tenants) == 1:
		what = "Its connection to ServiceTitan ends then: tenant " + m.Detail + "."
	case len(tenants) <= tenantsNamed:
		what = "Its connections to ServiceTitan end then: tenants " + m.Detail + "."
	default:
		what = "Its " + Plural(len(tenants), "connection", "connections") + " to ServiceTitan end then."
	}
	text := MailText{
		Subject: "Your company in Fieldbridge will be deleted on " + on,
		Title:   "A company that you own will be deleted on " + on,
		Paragraphs: []string{
			"An owner of the company asked for this. " + what + " All its data in Fieldbridge is deleted too. Nothing is deleted in ServiceTitan.",
			"Until then everything works as usual. If this is a mistake, sign in and choose Keep this company. Any owner can do that.",
			"If you do not know the person who asked, keep the company and change your password.",
		},
		Action: "Go to sign-in",
		Facts:  [][2]string{{"Deleted on", on}},
		Foot: "You are receiving this because an account with this address is an owner of the company in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
	if m.From != "" {
		text.Facts = append(text.Facts, [2]string{"Asked by", m.From})
	}
	return text
}
