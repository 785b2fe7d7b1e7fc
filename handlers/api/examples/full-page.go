//go:build ignore

// The two addresses of your app that send a person to Fieldbridge and take them back.
// createSession and readSession call the API; companyOf, remember, and remembered use the
// person's own session with your app.
package main

import "net/http"

func connect(w http.ResponseWriter, r *http.Request) {
	session, err := createSession(r.Context(), companyOf(r)) // the request above
	if err != nil {
		http.Error(w, "ServiceTitan cannot be connected right now", http.StatusBadGateway)
		return
	}
	remember(r, session.ID) // in the person's own session with you
	http.Redirect(w, r, session.URL, http.StatusSeeOther)
}

func done(w http.ResponseWriter, r *http.Request) {
	id := remembered(r) // not the one in the query, which anybody can type
	session, err := readSession(r.Context(), id)
	if err != nil || session.Status != "connected" {
		http.Redirect(w, r, "/settings?connected=no", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/settings?connected=yes", http.StatusSeeOther)
}
