package handlers_test

import (
	"context"
	"log/slog"
	"regexp"
	"strings"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
)

// letters sends all mails that are due and returns those to an address, oldest
// first.
func (a *app) letters(to string) []handlers.Letter {
	a.Helper()
	base := parse(a.T, a.url)
	outbox := models.NewOutbox(a.db, func(ctx context.Context, m models.OutgoingMail) error {
		l, err := handlers.ComposeMail(ctx, m, base)
		if err == nil {
			a.sent = append(a.sent, l)
		}
		return err
	}, slog.New(slog.DiscardHandler))
	outbox.HoldNothing()
	for {
		n, err := outbox.DeliverDue(a.Context())
		if err != nil {
			a.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	var list []handlers.Letter
	for _, l := range a.sent {
		if l.To == to {
			list = append(list, l)
		}
	}
	return list
}

// letter sends all mails that are due and returns the newest one to an address.
func (a *app) letter(to string) handlers.Letter {
	a.Helper()
	list := a.letters(to)
	if len(list) == 0 {
		a.Fatalf("no mail was sent to %s", to)
	}
	return list[len(list)-1]
}

var linkForm = regexp.MustCompile(`https?://\S+`)

// link returns the path of the first link in the newest mail to an address.
func (a *app) link(to string) string {
	a.Helper()
	l := a.letter(to)
	found := linkForm.FindString(l.Plain)
	path, ours := strings.CutPrefix(found, a.url)
	if !ours {
		a.Fatalf("the mail %q has no link to the app: %q", l.Subject, found)
	}
	return path
}
