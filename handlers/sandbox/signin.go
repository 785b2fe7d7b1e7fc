package sandbox

import (
	"crypto/rand"
	"net/http"
	"strings"
)

const (
	sessionCookie  = "servicetitan_sandbox"
	suggestedEmail = "admin@example.test"
	longestEmail   = 254
)

// signIn signs in anybody with the email they enter, and goes on to the consent page.
func (s *Sandbox) signIn(a *answer, r *http.Request) {
	asked, refused := s.readAuthorization(r)
	if refused.code != "" {
		s.showRefusal(a, r, refused)
		return
	}
	email := strings.TrimSpace(r.PostForm.Get("email"))
	if len(email) > longestEmail || !strings.Contains(email, "@") {
		s.showSignIn(a, r, http.StatusUnprocessableEntity, asked, signInView{email: email, problem: "Enter an email address. It can be made up."})
		return
	}
	id := rand.Text()
	now := s.now()
	s.mu.Lock()
	s.grants.sweep(now)
	s.grants.sessions[hash(id)] = session{email: email, formToken: rand.Text(), expires: now.Add(sessionLife)}
	s.mu.Unlock()
	http.SetCookie(a, &http.Cookie{ // #nosec G124 -- Secure where the sandbox is served over https
		Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.options.URL, "https:"),
	})
	a.seeOther(PathAuthorize + "?" + asked.query)
}

// visitor returns who has signed in with this browser.
func (s *Sandbox) visitor(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.grants.sessions[hash(cookie.Value)]
	return v, ok && now.Before(v.expires)
}
