package main

import (
	"cmp"
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

// mailTime is the most time that the delivery of one mail may take, from the first
// packet to the last. The outbox allows a little more.
const mailTime = 15 * time.Second

// mailer delivers mail by SMTP, or into a demo's mailbox. A demo's mail never leaves
// it, because anybody can sign up there with somebody else's address.
type mailer struct {
	base   *url.URL
	server *url.URL // smtp or smtps; nil if there is none
	from   string
	// limit is the most time for the delivery of one mail. Zero means mailTime.
	limit time.Duration
	log   *slog.Logger
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
	// The address identifies a person, so it stays out of the log.
	m.log.InfoContext(ctx, "no mail server is configured; this email is not sent", "subject", letter.Subject, "connection", outgoing.ConnectionID)
	return nil
}

// inMailbox converts a letter for the mailbox. A letter that is being sent has no time
// yet.
func inMailbox(letter handlers.Letter, sent *time.Time) sandbox.Letter {
	filed := sandbox.Letter{To: letter.To, Subject: letter.Subject, Plain: letter.Plain, HTML: letter.HTML}
	if sent != nil {
		filed.At = *sent
	}
	return filed
}

// showSentMails puts earlier mails into the mailbox.
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
	if err := message.From(m.from); err != nil {
		return fmt.Errorf("address mail: %w", err)
	}
	if err := message.To(letter.To); err != nil {
		return errors.New("address mail: the recipient's address cannot be read") // the library's error quotes it
	}
	message.Subject(letter.Subject)
	message.SetBodyString(mail.TypeTextPlain, letter.Plain)
	message.AddAlternativeString(mail.TypeTextHTML, letter.HTML)
	return m.handOver(ctx, message)
}

func (m *mailer) within() time.Duration { return cmp.Or(m.limit, mailTime) }

// client returns an SMTP client that requires TLS, except to this machine.
func (m *mailer) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithTLSPolicy(mail.TLSMandatory)}
	if loopback(m.server.Hostname()) {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if m.server.Scheme == "smtps" {
		// Here the library connects by itself, in three steps before it sends anything.
		options = append(options, mail.WithSSL(), mail.WithTimeout(m.within()/3))
	} else {
		options = append(options, mail.WithDialContextFunc(dialUntil), mail.WithTimeout(m.within()))
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
