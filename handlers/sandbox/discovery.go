package sandbox

import "net/http"

// metadata holds the fields of RFC 8414, section 2, and RFC 9207, section 3.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	Scopes        []string `json:"scopes_supported"`
	TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
	RevokeAuth    []string `json:"revocation_endpoint_auth_methods_supported"`
	SendsIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
}

func (s *Sandbox) discover(a *answer, _ *http.Request) {
	auth := []string{"client_secret_post", "client_secret_basic"}
	a.json(http.StatusOK, metadata{
		Issuer:        s.options.URL,
		Authorization: s.options.URL + PathAuthorize,
		Token:         s.options.URL + PathToken,
		Revocation:    s.options.URL + PathRevocation,
		ResponseTypes: []string{"code"},
		ResponseModes: []string{"query"},
		GrantTypes:    []string{"authorization_code", "refresh_token", "client_credentials"},
		Challenges:    []string{"S256"},
		Scopes:        s.options.Scopes,
		TokenAuth:     auth,
		RevokeAuth:    auth,
		SendsIssuer:   true,
	})
}
