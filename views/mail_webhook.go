package views

import "github.com/fieldbridge/fieldbridge/models/accounts"

// webhookPaused returns the mail which says that a webhook endpoint was paused. Its
// address was typed by somebody, so the mail only links to the page that has it.
func webhookPaused(m accounts.PreparedMail) MailText {
	whose := "of your company"
	if m.CompanyID == nil {
		whose = "of Fieldbridge"
	}
	return MailText{
		Subject: "A webhook endpoint is paused",
		Title:   "We stopped sending to a webhook endpoint " + whose,
		Paragraphs: []string{
			"Every attempt to deliver a message to it has failed for a day. Your back end is not told what happens to connections.",
			"New messages are kept for 30 days. Once the endpoint works, send it a test, or choose Resume. Then it gets all of them, in order.",
		},
		Action: "See the endpoint",
		Foot: "You are receiving this because an account with this address manages the endpoint in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}
