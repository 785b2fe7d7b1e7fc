package views

import (
	"cmp"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// A mail contains nothing that anybody typed. Otherwise, a stranger could make us send
// their words: to an owner who left, or to whomever they invite.
func TestMailsHoldNothingThatWasTyped(t *testing.T) {
	const typed = "Payout on hold"
	for _, kind := range []models.MailKind{models.MailReconnectNeeded, models.MailWorksAgain, models.MailUpgradeNeeded, models.MailSetupAllow, models.MailSetupTenant} {
		m := models.OutgoingMail{
			Mail:          models.Mail{Kind: kind, Reason: models.ReasonGrantRefused, Recipient: "dana@northgate.example"},
			RecipientName: typed, CompanyName: typed, TenantName: typed, TenantID: 842193311, Environment: "production",
		}
		text := Mail(m)
		page := pagetest.Show(t, MailPage(text, "https://connect.example.com/connections/1"))
		all := text.Subject + text.Plain("https://connect.example.com/connections/1") + page.Source
		if strings.Contains(all, typed) {
			t.Errorf("%s: says what was typed: %s", kind, all)
		}
		for _, says := range []string{"842193311", "https://connect.example.com/connections/1", "If you do not know Fieldbridge"} {
			if strings.Count(all, says) < 2 {
				t.Errorf("%s: does not say %q in text and HTML", kind, says)
			}
		}
		if !strings.HasSuffix(text.Subject, ": ServiceTitan tenant 842193311") {
			t.Errorf("%s: the subject is %q", kind, text.Subject)
		}
	}
}

// The same for mails about accounts of every kind. They have a proven address at most.
func TestAccountMailsHoldNothingThatWasTyped(t *testing.T) {
	const typed, from, link = "Payout on hold: call 555-0100", "ruth@northgate.example", "https://connect.example.com/somewhere"
	// These mails repeat a detail that is made of our words, and of tenant IDs.
	ours := map[accounts.AccountMailKind]string{accounts.MailNewDevice: "Firefox on Linux", accounts.MailCompanyDeletion: "842193311"}
	for _, kind := range pagetest.Constants[accounts.AccountMailKind](t) {
		for _, known := range []bool{true, false} {
			m := accounts.PreparedMail{
				AccountMail: accounts.AccountMail{Kind: kind, Detail: cmp.Or(ours[kind], typed), Recipient: "dana@northgate.example", CreatedAt: pagetest.Noon},
				Known:       known, From: from,
			}
			text := Mail(models.OutgoingMail{Mail: models.Mail{Recipient: m.Recipient}, Account: &m, RecipientName: typed, CompanyName: typed, TenantName: typed})
			page := pagetest.Show(t, MailPage(text, link))
			all := text.Subject + text.Plain(link) + page.Source
			if strings.Contains(all, "555-0100") || strings.Contains(all, "Payout") {
				t.Errorf("%s: says what was typed: %s", kind, all)
			}
			if text.Subject == "" || text.Title == "" || strings.Contains(text.Subject, "@") {
				t.Errorf("%s: the subject is %q and the title %q", kind, text.Subject, text.Title)
			}
			for _, says := range []string{link, "not part of ServiceTitan"} {
				if strings.Count(all, says) < 2 {
					t.Errorf("%s: does not say %q in text and HTML", kind, says)
				}
			}
		}
	}
}

// The mail about a company's deletion says when, which tenants, and who asked by
// their proven address.
func TestMailAboutDeletion(t *testing.T) {
	for detail, says := range map[string]string{
		"":                              "It has no connection to ServiceTitan.",
		"842193311":                     "Its connection to ServiceTitan ends then: tenant 842193311.",
		"1, 2":                          "Its connections to ServiceTitan end then: tenants 1, 2.",
		"1" + strings.Repeat(", 8", 11): "Its 12 connections to ServiceTitan end then.",
	} {
		m := accounts.PreparedMail{From: "luis@northgate.example", AccountMail: accounts.AccountMail{Kind: accounts.MailCompanyDeletion, Detail: detail, CreatedAt: pagetest.Noon}}
		text := Mail(models.OutgoingMail{Account: &m})
		page := pagetest.Show(t, MailPage(text, "https://connect.example.com/signin"))
		for _, want := range []string{says, "Dec 7, 2026", "luis@northgate.example", "https://connect.example.com/signin"} {
			if all := text.Plain("https://connect.example.com/signin"); !strings.Contains(all, want) || !strings.Contains(page.Source, want) {
				t.Errorf("the mail does not say %q: %s", want, all)
			}
		}
	}
}
