package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
)

// mailTime bounds the delivery of one mail.
const mailTime = 10 * time.Second

// mailer delivers by SMTP, or into a demo's mailbox: what a demo writes never
// leaves it, since anybody may sign up there with somebody else's address.
type mailer struct {
	base   *url.URL
	server *url.URL // smtp or smtps; nil if there is none
	from   string
	log    *slog.Logger
	// deliver puts a letter into the mailbox; nil if there is none.
	deliver func(sandbox.Letter)
}

// send writes and delivers a mail.
func (m *mailer) send(ctx context.Context, outgoing models.OutgoingMail) error {
	letter, err := handlers.ComposeMail(ctx, outgoing, m.base)
	if err != nil {
		return err
	}
	switch {
	case m.deliver != nil:
		m.deliver(inMailbox(letter, outgoing.SentAt))
		return nil
	case m.server != nil:
		return m.post(ctx, letter)
	}
	// The address is a person's, so it stays out of the log.
	m.log.InfoContext(ctx, "no mail server is configured; this mail is not sent", "subject", letter.Subject, "connection", outgoing.ConnectionID)
	return nil
}

// inMailbox is a letter as the mailbox takes it. One that is sent just now has
// no time yet.
func inMailbox(letter handlers.Letter, sent *time.Time) sandbox.Letter {
	filed := sandbox.Letter{To: letter.To, Subject: letter.Subject, Plain: letter.Plain, HTML: letter.HTML}
	if sent != nil {
		filed.At = *sent
	}
	return filed
}

// showSentMails puts those that were sent before into the mailbox.
func (a *app) showSentMails(ctx context.Context) error {
	sent, err := a.outbox.Sent(ctx)
	if err != nil {
		return err
	}
	for _, outgoing := range sent {
		letter, err := handlers.ComposeMail(ctx, outgoing, a.mailer.base)
		if err != nil {
			return err
		}
		a.mailer.deliver(inMailbox(letter, outgoing.SentAt))
	}
	return nil
}

// post sends a letter by SMTP.
func (m *mailer) post(ctx context.Context, letter handlers.Letter) error {
	message := mail.NewMsg()
	if err := errors.Join(message.From(m.from), message.To(letter.To)); err != nil {
		return fmt.Errorf("address mail: %w", err)
	}
	message.Subject(letter.Subject)
	message.SetBodyString(mail.TypeTextPlain, letter.Plain)
	message.AddAlternativeString(mail.TypeTextHTML, letter.HTML)
	client, err := m.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("deliver mail: %w", err)
	}
	return nil
}

// client speaks TLS always, but to this machine.
func (m *mailer) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithTimeout(mailTime), mail.WithTLSPolicy(mail.TLSMandatory)}
	if loopback(m.server.Hostname()) {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if m.server.Scheme == "smtps" {
		options = append(options, mail.WithSSL())
	}
	if port, err := strconv.Atoi(m.server.Port()); err == nil {
		options = append(options, mail.WithPort(port))
	}
	if user := m.server.User; user != nil {
		password, _ := user.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(m.server.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("prepare mail: %w", err)
	}
	return client, nil
}
