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

// Letter is a mail as its recipient gets it.
type Letter struct {
	To, Subject, Plain, HTML string
	// At is when the letter was sent. If it is zero, Deliver sets it to the current
	// time.
	At time.Time
}

// filed is a letter in the mailbox.
type filed struct {
	Letter
	number int
	// opened says that somebody has read the letter.
	opened bool
}

func (f filed) path() string { return pathMailbox + "/" + strconv.Itoa(f.number) }

// when returns the time in UTC for people, and moment for programs.
func (f filed) when() string   { return f.At.UTC().Format("Jan 2, 2006, 3:04 PM") }
func (f filed) moment() string { return f.At.UTC().Format(time.RFC3339) }

// mailbox holds the delivered letters, oldest first.
type mailbox struct {
	letters []filed
	// delivered continues counting after a reset, so that the address of a deleted
	// letter never leads to another one.
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

// Deliver puts a letter into the mailbox. Without a mailbox, it drops the letter.
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
	box.letters = append(box.letters, filed{Letter: l, number: box.delivered})
	if over := len(box.letters) - lettersKept; over > 0 {
		box.letters = slices.Delete(box.letters, 0, over)
	}
}

// mails returns the letters, newest first.
func (s *Sandbox) mails() []filed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.mailbox.letters)
	slices.Reverse(list)
	return list
}

// SubjectsTo returns the subjects of the letters to an address, newest first.
func (s *Sandbox) SubjectsTo(email string) []string {
	var list []string
	for _, f := range s.mails() {
		if f.To == email {
			list = append(list, f.Subject)
		}
	}
	return list
}

func (s *Sandbox) mailList(a *answer, r *http.Request) {
	live := r.URL.Query().Get("live") == "1"
	if live {
		a.header.Set("Refresh", liveEvery)
	}
	a.page(r.Context(), http.StatusOK, s.mailboxPage(s.mails(), live))
}

// open returns the letter that the address names. If there is none, it answers 404.
func (s *Sandbox) open(a *answer, r *http.Request) (filed, bool) {
	number, _ := strconv.Atoi(r.PathValue("number")) // 0 is no letter
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.mailbox.letters
	i := slices.IndexFunc(list, func(f filed) bool { return f.number == number })
	if i < 0 {
		http.Error(a, "this email is not in the mailbox; a reset empties it", http.StatusNotFound)
		return filed{}, false
	}
	list[i].opened = true
	return list[i], true
}

func (s *Sandbox) mail(a *answer, r *http.Request) {
	if letter, ok := s.open(a, r); ok {
		a.header.Set("Content-Security-Policy", s.policy()+"; frame-src 'self'")
		a.page(r.Context(), http.StatusOK, s.mailPage(letter))
	}
}

// letterMay is what the frame of a letter may do. A link that somebody clicks may open
// a page, and nothing else is allowed.
const letterMay = "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"

// mailHTML answers with a letter's HTML for its frame. The letter's sender is not
// trusted. The frame therefore has its own origin, runs no script, sends no form, and
// loads nothing.
func (s *Sandbox) mailHTML(a *answer, r *http.Request) {
	letter, ok := s.open(a, r)
	if !ok {
		return
	}
	a.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox "+letterMay)
	a.header.Set("Content-Type", "text/html; charset=utf-8")
	// Links open in the tab and not in the frame. Only the first base element counts, so
	// the letter cannot change that. Browsers ignore a second doctype.
	_, _ = a.Write([]byte(`<!DOCTYPE html><base target="_top">` + letter.HTML)) // a buffer takes everything
}

// letterBody is a letter in the control API.
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
