package main

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// Every mail about an account goes through an SMTP server to one person, in text and
// in HTML that have the same link. It contains nothing that anybody typed.
func TestMailsAboutAccounts(t *testing.T) {
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
	for _, kind := range pagetest.Constants[accounts.AccountMailKind](t) {
		for name, known := range map[string]bool{"known": true, "unknown": false} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				office.to, office.letters = nil, nil
				account := accounts.PreparedMail{
					AccountMail: accounts.AccountMail{ID: uuid.Must(uuid.NewV7()), Recipient: "dana@northgate.example", Kind: kind},
					Known:       known, From: "ruth@northgate.example", Link: secret.New("MADEUPSECRET"),
				}
				err := m.send(t.Context(), models.OutgoingMail{
					Mail: models.Mail{Recipient: account.Recipient}, Account: &account,
					RecipientName: "Typed Name", CompanyName: "Typed Company", Environment: servicetitan.Production,
				})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(office.to, []string{"dana@northgate.example"}) || len(office.letters) != 1 {
					t.Fatalf("%d letters to %q", len(office.letters), office.to)
				}
				letter, err := mail.ReadMessage(strings.NewReader(office.letters[0]))
				if err != nil {
					t.Fatal(err)
				}
				subject, err := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
				if err != nil || strings.TrimSpace(subject) == "" || strings.Contains(subject, "MADEUPSECRET") {
					t.Errorf("the subject is %q, %v", subject, err)
				}
				for header, want := range map[string]string{"To": "<dana@northgate.example>", "From": `"Fieldbridge" <support@fieldbridge.example>`, "Mime-Version": "1.0"} {
					if got := letter.Header.Get(header); got != want {
						t.Errorf("%s: %s", header, got)
					}
				}
				for _, header := range []string{"Date", "Message-Id"} {
					if letter.Header.Get(header) == "" {
						t.Errorf("there is no %s", header)
					}
				}
				for _, header := range []string{"Cc", "Bcc", "Reply-To"} {
					if got := letter.Header.Get(header); got != "" {
						t.Errorf("%s: %s", header, got)
					}
				}
				parts := partsOf(t, letter)
				plain, html := parts["text/plain"], parts["text/html"]
				link := linkForm.FindString(plain)
				if !strings.HasPrefix(link, "https://connect.example.com/") || !strings.Contains(html, `href="`+link+`"`) {
					t.Errorf("the text leads to %q, and the HTML not", link)
				}
				if !strings.Contains(plain, "Hello,") || !strings.Contains(html, "prefers-color-scheme: dark") || strings.Contains(html, "<script") || strings.Contains(html, "<img") {
					t.Errorf("the text is\n%s\nand the HTML\n%s", plain, html)
				}
				if strings.Contains(plain+html, "Typed") {
					t.Errorf("the mail says what somebody typed:\n%s", plain)
				}
			})
		}
	}
}

// linkForm matches a link in a text.
var linkForm = regexp.MustCompile(`https?://\S+`)

// partsOf returns the parts of a mail by their media type.
func partsOf(t *testing.T, letter *mail.Message) map[string]string {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(letter.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the mail is %s, %v", kind, err)
	}
	parts := map[string]string{}
	for reader := multipart.NewReader(letter.Body, parameters["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil || part.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("a part is %q, %v", part.Header, err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}
