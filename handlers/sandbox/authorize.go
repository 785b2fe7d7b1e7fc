package sandbox

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorization holds the parameters of an authorization request (RFC 6749, section
// 4.1.1). The pages carry them in their address. Each step reads them again, so the
// sandbox need not remember them.
type authorization struct {
	redirectURI, state, challenge string
	scopes                        []string
	// tenantID is the tenant that the page offers first.
	tenantID int64
	query    string
}

// refusal says why a request cannot be used.
type refusal struct{ code, reason string }

// readAuthorization checks a request. It never redirects a wrong request: like
// ServiceTitan, the sandbox then shows a page of its own.
func (s *Sandbox) readAuthorization(r *http.Request) (authorization, refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return authorization{}, refusal{"invalid_request", "The address cannot be read."}
	}
	scopes := strings.Fields(q.Get("scope"))
	// RFC 7636, section 4.2: a SHA-256 in base64url without padding.
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(q.Get("code_challenge"))
	switch {
	case repeated(q):
		return authorization{}, refusal{"invalid_request", "A parameter is given more than once."}
	case !same(q.Get("client_id"), s.options.ClientID):
		return authorization{}, refusal{"unauthorized_client", "The client ID is not known here."}
	case !slices.Contains(s.options.RedirectURIs, q.Get("redirect_uri")):
		return authorization{}, refusal{"invalid_request", "The redirect address is not registered for this app."}
	case q.Get("response_type") != "code":
		return authorization{}, refusal{"unsupported_response_type", "The response type must be code."}
	case q.Get("response_mode") != "" && q.Get("response_mode") != "query":
		return authorization{}, refusal{"invalid_request", "The response mode must be query."}
	case len(scopes) == 0:
		return authorization{}, refusal{"invalid_scope", "The request names no scope."}
	case !within(scopes, s.options.Scopes):
		return authorization{}, refusal{"invalid_scope", "The request names a scope that this app may not have."}
	case q.Get("code_challenge_method") != "S256":
		return authorization{}, refusal{"invalid_request", "The code challenge method must be S256."}
	case err != nil || len(challenge) != len(sum{}):
		return authorization{}, refusal{"invalid_request", "The code challenge is missing or is not an S256 challenge."}
	}
	return authorization{
		redirectURI: q.Get("redirect_uri"), state: q.Get("state"), challenge: q.Get("code_challenge"),
		scopes: scopes, tenantID: s.tenantHint(q.Get("acr_values")), query: q.Encode(),
	}, refusal{}
}

// tenantHint finds tenant:<id> in acr_values, and returns the ID if there is such a
// tenant.
func (s *Sandbox) tenantHint(acrValues string) int64 {
	for value := range strings.FieldsSeq(acrValues) {
		if id, ok := strings.CutPrefix(value, "tenant:"); ok {
			return s.all().known(id)
		}
	}
	return 0
}

// unknownHint returns the tenant ID in acr_values if there is no such tenant.
func unknownHint(all tenants, query string) string {
	q, _ := url.ParseQuery(query) // we wrote it
	for value := range strings.FieldsSeq(q.Get("acr_values")) {
		if id, ok := strings.CutPrefix(value, "tenant:"); ok && all.known(id) == 0 {
			return id
		}
	}
	return ""
}

// authorize is the authorization endpoint.
func (s *Sandbox) authorize(a *answer, r *http.Request) {
	asked, refused := s.readAuthorization(r)
	if refused.code != "" {
		s.showRefusal(a, r, refused)
		return
	}
	s.note(Asked, asked.tenantID)
	visitor, signedIn := s.visitor(r)
	if !signedIn {
		s.showSignIn(a, r, http.StatusOK, asked, signInView{email: suggestedEmail})
		return
	}
	s.showConsent(a, r, http.StatusOK, asked, visitor, "")
}

// decide redirects to the app with the visitor's decision.
func (s *Sandbox) decide(a *answer, r *http.Request) {
	asked, refused := s.readAuthorization(r)
	if refused.code != "" {
		s.showRefusal(a, r, refused)
		return
	}
	visitor, signedIn := s.visitor(r)
	if !signedIn {
		s.showSignIn(a, r, http.StatusForbidden, asked, signInView{email: suggestedEmail, problem: "You were signed out. Sign in again."})
		return
	}
	if !same(r.PostForm.Get("token"), visitor.formToken) {
		s.showConsent(a, r, http.StatusForbidden, asked, visitor, "This page was out of date. Choose again.")
		return
	}
	tenantID := s.all().known(r.PostForm.Get("tenant"))
	decision, flaw := r.PostForm.Get("decision"), a.asked
	if flaw == "" && decision == "allow" && tenantID != 0 {
		flaw = s.chosenFault(r.PostForm.Get("fault"), tenantID)
	}
	switch {
	case decision == "deny" || flaw == Deny:
		a.oauthError = "access_denied"
		if flaw == Deny {
			a.played = flaw
		}
		s.note(Denied, tenantID)
		a.seeOther(s.callback(asked, url.Values{"error": {"access_denied"}, "error_description": {"The user denied access."}}))
	case decision != "allow":
		s.showConsent(a, r, http.StatusBadRequest, asked, visitor, "Choose Allow or Deny.")
	case tenantID == 0:
		s.showConsent(a, r, http.StatusBadRequest, asked, visitor, "Choose a company.")
	default:
		issued := s.issueCode(asked, tenantID, flaw)
		s.note(Allowed, tenantID)
		s.record(issued)
		a.played = flaw
		a.seeOther(s.callback(asked, url.Values{"code": {issued}}))
	}
}

func (s *Sandbox) issueCode(asked authorization, tenantID int64, flaw FaultKind) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants.issueCode(code{
		redirectURI: asked.redirectURI, challenge: asked.challenge, scopes: asked.scopes, tenantID: tenantID, flaw: flaw,
	}, s.now())
}

// callback returns the address that leads back to the app. Errors also name their
// issuer (RFC 9207, section 2).
func (s *Sandbox) callback(asked authorization, outcome url.Values) string {
	u := *mustParse(asked.redirectURI) // it is registered, so it parses
	q := u.Query()
	for name, values := range outcome {
		q[name] = values
	}
	if asked.state != "" {
		q.Set("state", asked.state)
	}
	q.Set("iss", s.options.URL)
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *Sandbox) showRefusal(a *answer, r *http.Request, why refusal) {
	a.oauthError = why.code
	a.page(r.Context(), http.StatusBadRequest, s.refusalPage(why))
}

func (s *Sandbox) showSignIn(a *answer, r *http.Request, status int, asked authorization, v signInView) {
	v.action = pathSignIn + "?" + asked.query
	a.page(r.Context(), status, s.signInPage(v))
}

func (s *Sandbox) showConsent(a *answer, r *http.Request, status int, asked authorization, visitor session, problem string) {
	offered := slices.Clone(s.all())
	if at := slices.IndexFunc(offered, func(t Tenant) bool { return t.ID == asked.tenantID }); at > 0 {
		offered = slices.Insert(slices.Delete(offered, at, at+1), 0, s.all()[at])
	}
	a.page(r.Context(), status, s.consentPage(consentView{
		action: PathAuthorize + "?" + asked.query, formToken: visitor.formToken, email: visitor.email,
		tenants: offered, access: describeScopes(asked.scopes), problem: problem, faults: consentFaults(), unknown: unknownHint(s.all(), asked.query),
	}))
}
