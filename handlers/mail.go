package handlers

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

// Letter is a mail in the form in which it is sent.
type Letter struct{ To, Subject, Plain, HTML string }

// ComposeMail writes the letter of a mail. It links to the connection's page, which
// asks people who are signed out to sign in first.
func ComposeMail(ctx context.Context, m models.OutgoingMail, base *url.URL) (Letter, error) {
	link := base.JoinPath(connectionPath(m.ConnectionID)).String()
	if m.Account != nil {
		link = accountLink(*m.Account, base)
	}
	text := views.Mail(m)
	var html strings.Builder
	if err := views.MailPage(text, link).Render(ctx, &html); err != nil {
		return Letter{}, fmt.Errorf("write mail: %w", err)
	}
	return Letter{To: m.Recipient, Subject: text.Subject, Plain: text.Plain(link), HTML: html.String()}, nil
}

// accountLink returns the address to which a mail about an account leads. It begins
// with the base URL, whatever host the request that caused the mail was sent to.
func accountLink(m accounts.PreparedMail, base *url.URL) string {
	if !m.Link.IsZero() {
		switch m.Kind {
		case accounts.MailSignUp, accounts.MailProveEmail:
			return base.JoinPath("/verify", m.Link.Reveal()).String()
		case accounts.MailConfirmEmail:
			return base.JoinPath("/verify/email", m.Link.Reveal()).String()
		case accounts.MailInvitation:
			return base.JoinPath("/invitations", m.Link.Reveal()).String()
		case accounts.MailReset:
			reset := base.JoinPath(passwordPath)
			reset.RawQuery = url.Values{"token": {m.Link.Reveal()}}.Encode()
			return reset.String()
		case accounts.MailSignInTries, accounts.MailEmailChanged, accounts.MailRoleChanged, accounts.MailNewDevice,
			accounts.MailSecurityChanged, accounts.MailCompanyDeletion, accounts.MailAskUsed, accounts.MailWebhookPaused:
		}
	}
	if m.Kind == accounts.MailWebhookPaused {
		if m.CompanyID == nil {
			return base.JoinPath("/staff/developers").String()
		}
		return base.JoinPath("/developers").String()
	}
	if m.Kind == accounts.MailAskUsed && m.SubjectID != nil {
		return base.JoinPath(connectionPath(*m.SubjectID)).String()
	}
	return base.JoinPath("/signin").String()
}
