package views

import "github.com/fieldbridge/fieldbridge/models/accounts"

// requestedFoot is the foot of mails that anybody may have asked for.
const requestedFoot = "You are receiving this because someone entered this email address in Fieldbridge. " +
	"If it was not you, ignore this email: without the link, nothing happens. " +
	"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan."

// signUpMail returns the mail that answers a sign-up.
func signUpMail(m accounts.PreparedMail) MailText {
	if m.Link.IsZero() {
		return MailText{
			Subject: "You already have a Fieldbridge account",
			Title:   "You already have an account",
			Paragraphs: []string{
				"Someone tried to create a Fieldbridge account with this email address. It already has one, so nothing was changed.",
				"If it was you, sign in. If you forgot your password, choose Forgot your password on the sign-in page.",
			},
			Action: "Go to sign-in",
			Foot:   requestedFoot,
		}
	}
	text := MailText{
		Subject: "Continue to create your Fieldbridge account",
		Title:   "Continue to create your account",
		Paragraphs: []string{
			"Open the link to choose a password and name your company. It works once, for seven days.",
		},
		Action:   "Create your account",
		Foot:     requestedFoot,
		NoSignIn: true,
	}
	if m.Known { // by an account that has not proved the address
		text.Paragraphs = append(text.Paragraphs, "There is an older account with this address that never confirmed it. "+
			"If it is yours, do not use this link: choose Forgot your password on the sign-in page to keep it. If you use this link, you start over, and that account loses the address.")
	}
	return text
}

// proveEmailMail returns the mail by which a person proves their address.
func proveEmailMail() MailText {
	return MailText{
		Subject: "Confirm your email address for Fieldbridge",
		Title:   "Confirm your email address",
		Paragraphs: []string{
			"Open the link and confirm the address. It works once, for seven days, and only for your account.",
			"Then we can email you if a connection needs you.",
		},
		Action: "Confirm the address",
		Foot:   requestedFoot,
	}
}
