package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// stubIssuer answers like ServiceTitan, for the tenant that the code or the refresh
// token names (see stubCode and stubRefresh), and keeps nothing. It has no discovery
// document, so the documented endpoints are used.
type stubIssuer struct {
	http.Handler
	// grants counts the tokens that it has issued.
	grants atomic.Int64
	// calls counts the calls of its API.
	calls atomic.Int64
	// thinks is how many nanoseconds it waits before it issues a token.
	thinks atomic.Int64
}

func newStubIssuer() *stubIssuer {
	s := &stubIssuer{}
	answer := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /connect/token", func(w http.ResponseWriter, r *http.Request) {
		grant, prefix := r.PostFormValue("code"), codePrefix
		if r.PostFormValue("grant_type") == "refresh_token" {
			grant, prefix = r.PostFormValue("refresh_token"), refreshPrefix
		}
		tenant, err := strconv.ParseInt(strings.TrimPrefix(grant, prefix), 10, 64)
		if err != nil || (prefix == codePrefix && r.PostFormValue("code_verifier") == "") {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		if thinks := s.thinks.Load(); thinks > 0 {
			<-time.After(time.Duration(thinks))
		}
		s.grants.Add(1)
		answer(w, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d,"refresh_token":%q}`,
			stubAccess(tenant), int(stubLife.Seconds()), stubRefresh(tenant)))
	})
	mux.HandleFunc("GET /settings/v2/tenant/{tenant}/business-units", func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		answer(w, `{"page":1,"pageSize":1,"totalCount":3,"hasMore":true,"data":[{"id":1,"name":"Heating","officialName":"Northgate Heating",`+
			`"tenant":{"id":`+r.PathValue("tenant")+`,"name":"Northgate Heating & Plumbing"}}]}`)
	})
	mux.HandleFunc("GET "+grantsPath, func(w http.ResponseWriter, _ *http.Request) { answer(w, strconv.FormatInt(s.grants.Load(), 10)) })
	mux.HandleFunc("POST /connect/revocation", func(http.ResponseWriter, *http.Request) {})
	s.Handler = mux
	return s
}

const (
	// grantsPath is where another process reads how many tokens it has issued.
	grantsPath    = "/grants"
	codePrefix    = "c-"
	refreshPrefix = "rt-"
	// stubLife is the lifetime of the stub issuer's access tokens.
	stubLife = 15 * time.Minute
)

// stubCode returns a code that the stub issuer accepts for the tenant.
func stubCode(tenant int64) string { return fmt.Sprint(codePrefix, tenant) }

// stubRefresh returns a refresh token that the stub issuer accepts for the tenant.
func stubRefresh(tenant int64) string { return fmt.Sprintf("%s%064d", refreshPrefix, tenant) }

// stubAccess returns the tenant's access token. It has the form and about the length of
// ServiceTitan's.
func stubAccess(tenant int64) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`)) + "." +
		encode(fmt.Appendf(nil, `{"tenant":"%d","padding":"%s"}`, tenant, strings.Repeat("p", 380))) + "." + strings.Repeat("s", 342)
}
