package views

// askUsed returns the mail to an owner whose link was used. The name that the person
// gave is on the connection's page and not here.
func askUsed() MailText {
	return MailText{
		Subject: "The link that you made was used",
		Title:   "Your ServiceTitan admin has done their part",
		Paragraphs: []string{
			"Someone opened the link that you made in Fieldbridge, and did what it asks for in ServiceTitan. The link no longer works.",
			"The connection’s page shows the name that they gave, and when. If that is not the person you sent the link to, disconnect there and tell Fieldbridge support.",
		},
		Action: "See the connection",
		Foot:   "You are receiving this because you made the link. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}
