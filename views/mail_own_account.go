package views

import "github.com/fieldbridge/fieldbridge/models/accounts"

// confirmEmail returns the mail to the new address of an account. The address may
// belong to a stranger, so the mail says nothing about the account.
func confirmEmail() MailText {
	return MailText{
		Subject: "Confirm your new email address for Fieldbridge",
		Title:   "Confirm that this address is yours",
		Paragraphs: []string{
			"Someone who has a Fieldbridge account wants to use this address for it. If that was you, open the link below on a device where you are signed in, and confirm. The link works once, for 7 days.",
			"If it was not you, ignore this email. Nothing changes without your confirmation.",
		},
		Action: "Confirm this address",
		Foot:   "We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}

// emailChanged returns the mail to the old address of an account.
func emailChanged() MailText {
	return MailText{
		Subject: "The email address of your Fieldbridge account has changed",
		Title:   "Your Fieldbridge account has another email address now",
		Paragraphs: []string{
			"You now sign in with the new address. This one no longer works, and neither do links that we sent here. You are signed out on every device except the one that changed the address.",
			"If it was not you, someone else can use your account. Ask an owner of your company to remove it, and write to Fieldbridge support.",
		},
		Action: "Go to sign-in",
		Foot: "You are receiving this once, because this was the address of an account in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}

// newDevice returns the mail about a sign-in on a device that the person has not
// used before. Its words for the device are ours.
func newDevice(m accounts.PreparedMail) MailText {
	return MailText{
		Subject: "New sign-in to your Fieldbridge account",
		Title:   "Someone signed in to your account on a new device",
		Paragraphs: []string{
			"We have not seen a sign-in from that browser before. We do not know where the device is.",
			"If it was you, there is nothing you need to do. If it was not, sign in, open Where you are signed in, sign that device out, and change your password.",
		},
		Action: "Go to sign-in",
		Facts:  [][2]string{{"Device", m.Detail}, {"Time", m.CreatedAt.UTC().Format("Jan 2, 2006, 3:04 PM") + " UTC"}},
		Foot: "You are receiving this, at most five times a day, because this email address has an account in Fieldbridge. " +
			"We never ask for a password by email. Fieldbridge is an independent product and is not part of ServiceTitan.",
	}
}
