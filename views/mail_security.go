package views

import "github.com/fieldbridge/fieldbridge/models/accounts"

// securityTitles says what was changed, by the mail's detail.
var securityTitles = map[string]string{
	accounts.ChangedPassword: "Your Fieldbridge password was changed",
	accounts.PasskeyAdded:    "A passkey was added to your Fieldbridge account",
	accounts.PasskeyRemoved:  "A passkey was removed from your Fieldbridge account",
	accounts.SecondStepOn:    "Your Fieldbridge sign-in now takes a code from your phone",
	accounts.SecondStepOff:   "Your Fieldbridge sign-in no longer takes a code from your phone",
}

// securityChanged returns the mail that tells a person about a change to how they
// sign in.
func securityChanged(m accounts.PreparedMail) MailText {
	title := securityTitles[m.Detail]
	if title == "" { // a newer version of the program has queued it
		title = "How you sign in to Fieldbridge was changed"
	}
	return MailText{
		Subject: title,
		Title:   title,
		Paragraphs: []string{
			"All other devices were signed out of your account.",
			"If it was you, there is nothing you need to do.",
			"If it was not, someone else may be able to sign in as you. Choose a new password right away, and check your passkeys under Settings. Then ask an owner of your company, or Fieldbridge support, for help.",
		},
		Action: "Go to sign-in",
		Foot: "You are receiving this because this email address has an account in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}
