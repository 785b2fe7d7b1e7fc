package handlers

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// Letter is a mail as it is sent.
type Letter struct{ To, Subject, Plain, HTML string }

// ComposeMail writes the letter of a mail. Its link is that of the connection's
// page, which asks whoever is signed out to sign in first, or of the sign-in page
// for a mail about an account.
func ComposeMail(ctx context.Context, m models.OutgoingMail, base *url.URL) (Letter, error) {
	link := base.JoinPath(connectionPath(m.ConnectionID)).String()
	if m.Kind == models.MailSignInTries {
		link = base.JoinPath("/signin").String()
	}
	text := views.Mail(m)
	var html strings.Builder
	if err := views.MailPage(text, link).Render(ctx, &html); err != nil {
		return Letter{}, fmt.Errorf("write mail: %w", err)
	}
	return Letter{To: m.Recipient, Subject: text.Subject, Plain: text.Plain(link), HTML: html.String()}, nil
}
