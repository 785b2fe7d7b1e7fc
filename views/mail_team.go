package views

import "github.com/fieldbridge/fieldbridge/models/accounts"

// invitation returns the mail that invites a person to a company. It names the
// company's owner by their proven address, and not the company, whose name somebody
// typed. The page to which it leads has the name.
func invitation(m accounts.PreparedMail) MailText {
	role := "as a member"
	if m.Detail == string(accounts.Owner) {
		role = "as an owner"
	}
	next := "You choose a name and a password there. There is nothing to install."
	if m.Known {
		next = "You have an account with this address. Sign in with it when the page asks you to."
	}
	text := MailText{
		Subject: "You are invited to Fieldbridge",
		Title:   "You are invited to a company in Fieldbridge",
		Paragraphs: []string{
			"A person with the address " + m.From + " invites you to their company, " + role + ". Fieldbridge connects it to ServiceTitan.",
			"The page shows the company’s name before you decide. " + next,
			"The link works once, for seven days, and only for your address.",
		},
		Action:   "See the invitation",
		NoSignIn: true,
		Foot: "You are receiving this because someone entered your address to invite you. " +
			"If you do not know them, you can ignore this: nothing happens without you. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
	switch {
	case m.ByOperator:
		text.Paragraphs[0] = "Fieldbridge support invites you to a company, " + role + ". Nobody else belongs to it yet. Fieldbridge connects it to ServiceTitan."
	case m.From == "":
		text.Paragraphs[0] = "An owner of a company invites you, " + role + ". Fieldbridge connects it to ServiceTitan."
	default:
		text.Facts = [][2]string{{"Invited by", m.From}}
	}
	return text
}

// roleChanged returns the mail about a new role in a company, or about the end of a
// membership. It does not name the company.
func roleChanged(m accounts.PreparedMail) MailText {
	text := MailText{
		Subject: "Your role in Fieldbridge has changed",
		Action:  "Go to sign-in",
		Foot: "You are receiving this because this address has an account in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
	switch m.Detail {
	case accounts.RemovedDetail:
		text.Subject = "You no longer belong to a company in Fieldbridge"
		text.Title = "An owner has removed you from a company"
		text.Paragraphs = []string{
			"You can no longer see or change anything in that company.",
			"Your account is still there. If you belong to other companies, they are not affected.",
		}
	case string(accounts.Owner):
		text.Title = "You are now an owner of a company"
		text.Paragraphs = []string{
			"You can now also disconnect ServiceTitan and manage the team. After you sign in, the menu shows which company it is.",
			"We have signed you out on all devices, so that the new role applies everywhere. Sign in again.",
		}
	default:
		text.Title = "You are now a member of a company, and no longer an owner"
		text.Paragraphs = []string{
			"You can still connect, test, and reconnect ServiceTitan. Only owners can disconnect it and manage the team.",
			"We have signed you out on all devices, so that the new role applies everywhere. Sign in again.",
		}
	}
	if m.From != "" {
		text.Facts = [][2]string{{"Changed by", m.From}}
	}
	text.Paragraphs = append(text.Paragraphs, "If this surprises you, ask an owner of the company.")
	return text
}
