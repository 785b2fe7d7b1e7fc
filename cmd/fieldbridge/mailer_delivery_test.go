package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// smtpServer is an SMTP server (RFC 5321) whose answers a test chooses.
type smtpServer struct {
	address string
	// answer replaces the answer to a command. If it returns an empty string, the answer
	// is the usual one. It may block. "greeting" and "message" are for the steps that
	// are not commands.
	answer  func(command, line string) string
	mu      sync.Mutex
	letters map[string]int // by recipient
}

// newSMTPServer serves until the end of the test.
func newSMTPServer(t *testing.T, answer func(command, line string) string) *smtpServer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpServer{address: l.Addr().String(), answer: answer, letters: map[string]int{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return s
}

func (s *smtpServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	say := func(command, line, usual string) {
		if other := s.answer(command, line); other != "" {
			usual = other
		}
		_, _ = fmt.Fprint(c, usual+"\r\n")
	}
	say("greeting", "", "220 here")
	to := ""
	for lines := bufio.NewScanner(c); lines.Scan(); {
		line := lines.Text()
		command, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch command {
		case "EHLO":
			say(command, line, "250-here\r\n250 AUTH SCRAM-SHA-256")
		case "RCPT":
			to = line
			say(command, line, "250 fine")
		case "DATA":
			say(command, line, "354 go on")
			for lines.Scan() && lines.Text() != "." {
			}
			s.mu.Lock()
			s.letters[to]++
			s.mu.Unlock()
			say("message", line, "250 taken")
		case "QUIT":
			say(command, line, "221 bye")
			return
		default:
			say(command, line, "250 fine")
		}
	}
}

func (s *smtpServer) delivered() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.letters)
}

// mailerTo returns a mailer that sends to the server.
func mailerTo(t *testing.T, s *smtpServer, user string) *mailer {
	t.Helper()
	base, _ := url.Parse("https://connect.example.com")
	address, err := smtpURL("smtp://" + user + s.address)
	if err != nil {
		t.Fatal(err)
	}
	return &mailer{base: base, server: address, from: "Fieldbridge <support@fieldbridge.example>", limit: mailTime, log: slog.New(slog.DiscardHandler)}
}

func aMail(to string) models.OutgoingMail {
	return models.OutgoingMail{
		Mail:          models.Mail{ConnectionID: uuid.Must(uuid.NewV7()), Kind: models.MailReconnectNeeded, Reason: models.ReasonGrantRefused, Recipient: to},
		RecipientName: "Dana Whitfield", CompanyName: "Northgate", TenantID: 842193311, Environment: servicetitan.Production,
	}
}

// The error of a mail has the step and the server's code, and nothing that the server
// or the library says about a person.
func TestMailErrorsNameNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		command, answer string
		user, to, says  string
	}{
		"refused recipient":  {command: "RCPT", answer: "550 5.1.1 <dana@northgate.example> is unknown", says: "550"},
		"refused for now":    {command: "RCPT", answer: "450 4.2.1 dana@northgate.example is busy", says: "450"},
		"refused letter":     {command: "message", answer: "554 5.7.1 spam to dana@northgate.example", says: "554"},
		"refused sender":     {command: "MAIL", answer: "553 not for dana@northgate.example", says: "553"},
		"refused password":   {command: "AUTH", answer: "535 dana@northgate.example has another password", user: "dana%40northgate.example:stc_pw@", says: "535"},
		"refused connection": {command: "greeting", answer: "421 too many letters to dana@northgate.example", says: "421"},
		"strange address":    {command: "none", to: "dana@northgate.example dana@northgate.example", says: "address"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newSMTPServer(t, func(command, _ string) string {
				if command == tt.command {
					return tt.answer
				}
				return ""
			})
			to := tt.to
			if to == "" {
				to = "dana@northgate.example"
			}
			err := mailerTo(t, server, tt.user).send(t.Context(), aMail(to))
			if err == nil {
				t.Fatal("the letter counts as sent")
			}
			if text := err.Error(); strings.Contains(text, "dana") || strings.Contains(text, "stc_pw") || !strings.Contains(text, tt.says) {
				t.Errorf("the error says %q, want %q and no name", text, tt.says)
			}
		})
	}
}

// A delivery ends before the mail's lease does, at whatever step the server stalls.
func TestMailHasALimit(t *testing.T) {
	for _, at := range []string{"greeting", "EHLO", "NOOP", "MAIL", "RCPT", "DATA", "message"} {
		t.Run(at, func(t *testing.T) {
			released := make(chan struct{})
			server := newSMTPServer(t, func(command, _ string) string {
				if command == at {
					<-released
				}
				return ""
			})
			m := mailerTo(t, server, "")
			m.limit = 100 * time.Millisecond
			err := m.send(t.Context(), aMail("dana@northgate.example"))
			close(released)
			if err == nil {
				t.Error("a letter that got no answer counts as sent")
			}
		})
	}
}

// The deadline holds, however often the library asks for a later one.
func TestMailDeadlineIsNotExtended(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	c := untilConn{Conn: ours, until: time.Now().Add(50 * time.Millisecond)}
	for _, set := range []func(time.Time) error{c.SetDeadline, c.SetReadDeadline, c.SetWriteDeadline} {
		if err := set(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("something is read from nobody")
	}
}

// Once the server has accepted a mail, the mail counts as sent, whatever happens after
// that.
func TestMailThatWasTakenIsSent(t *testing.T) {
	for _, after := range []string{"RSET", "QUIT"} {
		t.Run(after, func(t *testing.T) {
			server := newSMTPServer(t, func(command, _ string) string {
				if command == after {
					return "421 going away"
				}
				return ""
			})
			if err := mailerTo(t, server, "").send(t.Context(), aMail("dana@northgate.example")); err != nil {
				t.Errorf("the letter was taken, and counts as not sent: %v", err)
			}
			if n := len(server.delivered()); n != 1 {
				t.Errorf("%d letters", n)
			}
		})
	}
}

// A stop in the middle of a batch to a slow server sends no mail twice, and does not
// wait for the remaining mails.
func TestStopInTheMiddleOfMails(t *testing.T) {
	db, err := database.Open(t.Context(), testdb.SQLite(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	const mails = 6
	queueMails(t, db, mails)
	begun, answer := make(chan struct{}, 2*mails), make(chan struct{})
	server := newSMTPServer(t, func(command, _ string) string {
		if command == "message" {
			begun <- struct{}{}
			<-answer
		}
		return ""
	})
	var log bytes.Buffer
	outbox := func() *models.Outbox {
		return models.NewOutbox(db, mailerTo(t, server, "").send, slog.New(slog.NewTextHandler(&log, nil)))
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		outbox().Run(ctx)
		close(stopped)
	}()
	<-begun
	stop()
	answer <- struct{}{}
	<-stopped
	if n := len(server.delivered()); n != 1 {
		t.Errorf("%d mails went out around the stop, want the one under way", n)
	}
	close(answer)
	ctx, stop = context.WithCancel(t.Context())
	stopped = make(chan struct{})
	go func() {
		outbox().Run(ctx)
		close(stopped)
	}()
	for range mails - 1 {
		<-begun
	}
	stop()
	<-stopped
	for to, n := range server.delivered() {
		if n != 1 {
			t.Errorf("%s got the mail %d times", to, n)
		}
	}
	if n := len(server.delivered()); n != mails {
		t.Errorf("%d of %d mails were delivered", n, mails)
	}
	var sent int64
	if err := db.Read(t.Context()).Raw("SELECT count(*) FROM mails WHERE sent_at IS NOT NULL AND tries = 1").Scan(&sent).Error; err != nil || sent != mails {
		t.Errorf("%d mails are marked as sent at the first try, error %v", sent, err)
	}
	if log.Len() > 0 {
		t.Errorf("the log says:\n%s", log.String())
	}
}

// queueMails queues a mail to each of n people.
func queueMails(t *testing.T, db *database.DB, n int) {
	t.Helper()
	company, now := uuid.Must(uuid.NewV7()), time.Now().UTC()
	connection := models.Connection{
		ID: uuid.Must(uuid.NewV7()), CompanyID: company, Environment: servicetitan.Sandbox, TenantID: 842193311, Way: models.SignInWay,
		State: models.ReconnectNeeded, Reason: models.ReasonGrantRefused, ConnectedAt: now, CreatedAt: now, UpdatedAt: now,
	}
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Create(&accounts.Company{ID: company, Name: "Northgate", CreatedAt: now}).Error; err != nil {
			return err
		}
		if err := tx.Create(&connection).Error; err != nil {
			return err
		}
		for i := range n {
			email := fmt.Sprintf("person%d@northgate.example", i)
			user := accounts.User{ID: uuid.Must(uuid.NewV7()), Email: email, Name: "Dana", CreatedAt: now}
			mail := models.Mail{
				ID: uuid.Must(uuid.NewV7()), Channel: models.MailChannel, CompanyID: company, ConnectionID: connection.ID, Kind: models.MailReconnectNeeded,
				Reason: models.ReasonGrantRefused, Recipient: email, NextTryAt: &now, CreatedAt: now,
			}
			for _, row := range []any{&user, &mail} {
				if err := tx.Create(row).Error; err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
