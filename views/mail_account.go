package views

import "github.com/fieldbridge/fieldbridge/models/accounts"

// accountMail returns the text of a mail about an account. It repeats nothing that
// anybody typed, except for addresses that their owners have proved.
func accountMail(m accounts.PreparedMail) MailText {
	switch m.Kind {
	case accounts.MailSignInTries:
		return signInTries()
	case accounts.MailSignUp:
		return signUpMail(m)
	case accounts.MailReset:
		return resetMail()
	case accounts.MailConfirmEmail:
		return confirmEmail()
	case accounts.MailEmailChanged:
		return emailChanged()
	case accounts.MailInvitation:
		return invitation(m)
	case accounts.MailRoleChanged:
		return roleChanged(m)
	case accounts.MailNewDevice:
		return newDevice(m)
	case accounts.MailSecurityChanged:
		return securityChanged(m)
	case accounts.MailCompanyDeletion:
		return companyDeletion(m)
	case accounts.MailAskUsed:
		return askUsed()
	case accounts.MailWebhookPaused:
		return webhookPaused(m)
	case accounts.MailProveEmail:
		return proveEmailMail()
	}
	return MailText{}
}
