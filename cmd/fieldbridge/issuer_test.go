package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// newStubIssuer answers at once what ServiceTitan would, for whatever tenant
// the code names (see codeFor), and keeps nothing. Its discovery document is
// not found, so the documented endpoints count.
func newStubIssuer() http.Handler {
	signature := strings.Repeat("s", 342) // as long as RS256's
	padding := strings.Repeat("p", 380)
	encode := base64.RawURLEncoding.EncodeToString
	header := encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`))
	answer := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /connect/token", func(w http.ResponseWriter, r *http.Request) {
		code := r.PostFormValue("code")
		tenant, ok := strings.CutPrefix(code, codePrefix)
		if !ok || r.PostFormValue("code_verifier") == "" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		access := header + "." + encode([]byte(`{"tenant":"`+tenant+`","padding":"`+padding+`"}`)) + "." + signature
		answer(w, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":900,"refresh_token":"rt%064s"}`, access, tenant))
	})
	mux.HandleFunc("GET /settings/v2/tenant/{tenant}/business-units", func(w http.ResponseWriter, r *http.Request) {
		answer(w, `{"page":1,"pageSize":1,"totalCount":3,"hasMore":true,"data":[{"id":1,"name":"Heating","officialName":"Northgate Heating",`+
			`"tenant":{"id":`+r.PathValue("tenant")+`,"name":"Northgate Heating & Plumbing"}}]}`)
	})
	mux.HandleFunc("POST /connect/revocation", func(http.ResponseWriter, *http.Request) {})
	return mux
}

const codePrefix = "c-"

// codeFor is a code that the stub issuer takes for the tenant's.
func codeFor(tenant int64) string { return fmt.Sprint(codePrefix, tenant) }
