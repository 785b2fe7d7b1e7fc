package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// lettersKept is how many letters the mailbox holds.
const lettersKept = 200

const (
	pathMailbox    = "/mailbox"
	pathLetter     = pathMailbox + "/{number}"
	pathLetterHTML = pathLetter + "/html"
)

// Letter is a mail as somebody gets it.
type Letter struct {
	To, Subject, Plain, HTML string
	// At is when it was sent; if zero, when it is delivered.
	At time.Time
}

// filed is a letter in the mailbox.
type filed struct {
	Letter
	number int
}

func (f filed) path() string { return pathMailbox + "/" + strconv.Itoa(f.number) }

// when is the time in UTC for people, moment for programs.
func (f filed) when() string   { return f.At.UTC().Format("Jan 2, 2006, 3:04 PM") }
func (f filed) moment() string { return f.At.UTC().Format(time.RFC3339) }

// mailbox is what was delivered, oldest first.
type mailbox struct {
	letters []filed
	// delivered counts on over a reset, so that the address of a letter that is
	// gone never leads to another.
	delivered int
}

// handleMailbox registers the mailbox, if there is one.
func (s *Sandbox) handleMailbox() {
	if !s.options.Mailbox {
		return
	}
	s.handle("GET "+pathMailbox, s.mailList)
	s.handle("GET "+pathLetter, s.mail)
	s.handle("GET "+pathLetterHTML, s.mailHTML)
	s.control("GET", "mailbox", s.controlMailbox)
}

// Deliver puts a letter into the mailbox. Without one it is dropped.
func (s *Sandbox) Deliver(l Letter) {
	if !s.options.Mailbox {
		return
	}
	if l.At.IsZero() {
		l.At = s.now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box := &s.mailbox
	box.delivered++
	box.letters = append(box.letters, filed{l, box.delivered})
	if over := len(box.letters) - lettersKept; over > 0 {
		box.letters = slices.Delete(box.letters, 0, over)
	}
}

// mails are the letters, newest first.
func (s *Sandbox) mails() []filed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.mailbox.letters)
	slices.Reverse(list)
	return list
}

func (s *Sandbox) mailList(a *answer, r *http.Request) {
	live := r.URL.Query().Get("live") == "1"
	if live {
		a.header.Set("Refresh", liveEvery)
	}
	a.page(r.Context(), http.StatusOK, s.mailboxPage(s.mails(), live))
}

// asked is the letter that the address names; without one it answers.
func (s *Sandbox) asked(a *answer, r *http.Request) (filed, bool) {
	number, _ := strconv.Atoi(r.PathValue("number")) // 0 is no letter
	list := s.mails()
	i := slices.IndexFunc(list, func(f filed) bool { return f.number == number })
	if i < 0 {
		http.Error(a, "this mail is not in the mailbox; a reset empties it", http.StatusNotFound)
		return filed{}, false
	}
	return list[i], true
}

func (s *Sandbox) mail(a *answer, r *http.Request) {
	if letter, ok := s.asked(a, r); ok {
		a.header.Set("Content-Security-Policy", s.policy()+"; frame-src 'self'")
		a.page(r.Context(), http.StatusOK, s.mailPage(letter))
	}
}

// letterMay is what the frame of a letter may do: its links lead the tab away
// when somebody follows them, and nothing else.
const letterMay = "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"

// mailHTML is a letter's HTML for its frame. Whoever sent it is not trusted: it
// has an origin of its own, runs no script, sends no form and loads nothing.
func (s *Sandbox) mailHTML(a *answer, r *http.Request) {
	letter, ok := s.asked(a, r)
	if !ok {
		return
	}
	a.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox "+letterMay)
	a.header.Set("Content-Type", "text/html; charset=utf-8")
	// Links open in the tab and not in the frame. The first base counts, so the
	// letter cannot take that back; a second doctype is passed over.
	_, _ = a.Write([]byte(`<!DOCTYPE html><base target="_top">` + letter.HTML)) // a buffer takes everything
}

// letterBody is a letter as the control API has it.
type letterBody struct {
	Number  int       `json:"number"`
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Plain   string    `json:"plain"`
	HTML    string    `json:"html"`
}

func (s *Sandbox) controlMailbox(a *answer, _ *http.Request) {
	out := struct {
		Letters []letterBody `json:"letters"`
	}{[]letterBody{}}
	for _, f := range s.mails() {
		out.Letters = append(out.Letters, letterBody{f.number, f.At.UTC(), f.To, f.Subject, f.Plain, f.HTML})
	}
	a.json(http.StatusOK, out)
}
