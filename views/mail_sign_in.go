package views

// signInTries returns the mail about sign-in attempts by strangers. It repeats
// nothing that anybody typed: the address may belong to another person.
func signInTries() MailText {
	return MailText{
		Subject: "Many attempts to sign in to your Fieldbridge account",
		Title:   "Someone tried many times to sign in to your account",
		Paragraphs: []string{
			"They used wrong passwords, so nobody got in. We now slow down attempts from new devices.",
			"You can sign in as usual on a device that you have used before. On a new device you may have to wait up to two minutes and try again.",
			"If it was you, there is nothing you need to do. If it was not, make sure that your Fieldbridge password is long and that you use it nowhere else.",
		},
		Action: "Go to sign-in",
		Foot: "You are receiving this, at most once a day, because this email address has an account in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}
