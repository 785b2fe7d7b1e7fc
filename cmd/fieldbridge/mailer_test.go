package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// postOffice is a real SMTP server that keeps the mails it receives.
type postOffice struct {
	refuses bool
	to      []string
	letters []string
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }
func (p *postOffice) Mail(string, *smtp.MailOptions) error        { return nil }
func (p *postOffice) Reset()                                      {}
func (p *postOffice) Logout() error                               { return nil }
func (p *postOffice) Rcpt(to string, _ *smtp.RcptOptions) error {
	if p.refuses {
		return errors.New("not today")
	}
	p.to = append(p.to, to)
	return nil
}

func (p *postOffice) Data(r io.Reader) error {
	letter, err := io.ReadAll(r)
	p.letters = append(p.letters, string(letter))
	return err
}

func TestMailer(t *testing.T) {
	office := &postOffice{}
	server := smtp.NewServer(office)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	base, _ := url.Parse("https://connect.example.com")
	address, err := smtpURL("smtp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	m := &mailer{base: base, server: address, from: "Fieldbridge <support@fieldbridge.example>", log: slog.New(slog.DiscardHandler)}
	id := uuid.Must(uuid.NewV7())
	outgoing := models.OutgoingMail{
		Mail:          models.Mail{ConnectionID: id, Kind: models.MailReconnectNeeded, Reason: models.ReasonGrantRefused, Recipient: "dana@northgate.example"},
		RecipientName: "Dana Whitfield", CompanyName: "Grüße <b>GmbH</b>", TenantID: 842193311, Environment: servicetitan.Production,
	}
	for _, kind := range []models.MailKind{models.MailReconnectNeeded, models.MailWorksAgain, models.MailUpgradeNeeded, models.MailSetupAllow, models.MailSetupTenant} {
		outgoing.Kind = kind
		if err := m.send(t.Context(), outgoing); err != nil {
			t.Fatal(err)
		}
	}
	if len(office.letters) != 5 || office.to[0] != "dana@northgate.example" {
		t.Fatalf("%d letters to %q", len(office.letters), office.to)
	}
	letter := strings.ReplaceAll(office.letters[0], "=\r\n", "")
	for _, part := range []string{"From: \"Fieldbridge\" <support@fieldbridge.example>", "Hello,", "no longer accepts our access", "https://connect.example.com/connections/" + id.String(), "text/html", "text/plain"} {
		if !strings.Contains(letter, part) {
			t.Errorf("the letter does not say %q:\n%s", part, letter)
		}
	}
	for _, typed := range []string{"GmbH", "Whitfield"} {
		if strings.Contains(letter, typed) {
			t.Errorf("the letter says %q, which somebody typed:\n%s", typed, letter)
		}
	}
	office.refuses = true
	if err := m.send(t.Context(), outgoing); err == nil {
		t.Error("a letter that was refused counts as sent")
	}
	// A demo's mailbox gets all mails, and no server is used.
	var box []sandbox.Letter
	m.deliver = func(l sandbox.Letter) { box = append(box, l) }
	outgoing.Kind = models.MailUpgradeNeeded
	if err := m.send(t.Context(), outgoing); err != nil || len(office.letters) != 5 || len(box) != 1 {
		t.Fatalf("%v; %d letters are sent, %d in the mailbox", err, len(office.letters), len(box))
	}
	if got := box[0]; got.To != "dana@northgate.example" || !strings.HasPrefix(got.Subject, "A new version to allow") || !got.At.IsZero() ||
		!strings.Contains(got.HTML, "connections/"+id.String()) || !strings.Contains(got.Plain, "connections/"+id.String()) {
		t.Errorf("in the mailbox is %+v", got)
	}
	if err := (&mailer{base: base, log: m.log}).send(t.Context(), outgoing); err != nil {
		t.Errorf("without a server: %v", err)
	}
}

// An SMTP address contains a password, which no error shows.
func TestSMTPURL(t *testing.T) {
	for _, wrong := range []string{"mail.example.com", "http://u:stc_pw@h", "smtp://u:stc_pw@", "smtp://u:stc_pw@h/x", "smtp://u:stc_p w@h:1"} {
		if _, err := smtpURL(wrong); err == nil || strings.Contains(err.Error(), "stc_") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
