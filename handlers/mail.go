package handlers

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// Letter is a mail in the form in which it is sent.
type Letter struct{ To, Subject, Plain, HTML string }

// ComposeMail writes the letter of a mail. It links to the connection's page, which
// asks people who are signed out to sign in first. A mail about an account links to
// the sign-in page.
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
