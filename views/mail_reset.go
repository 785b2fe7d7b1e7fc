package views

// resetMail returns the mail that answers a forgotten password.
func resetMail() MailText {
	return MailText{
		Subject: "Choose a new password for Fieldbridge",
		Title:   "Choose a new password",
		Paragraphs: []string{
			"Open the link to choose a new password. It works once, for 30 minutes.",
			"A second step stays as it is: you need it to sign in.",
		},
		Action:   "Choose a new password",
		Foot:     requestedFoot,
		NoSignIn: true,
	}
}
