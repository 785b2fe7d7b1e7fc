// Package servicetitan speaks ServiceTitan's protocol: OAuth 2.0 against its
// authorization server and the few API calls that prove a connection works.
// It knows no database and keeps no state but what an issuer announces.
package servicetitan

import (
	"net/url"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// EnvironmentName says which ServiceTitan is meant.
type EnvironmentName string

const (
	Production  EnvironmentName = "production"
	Integration EnvironmentName = "integration"
	Sandbox     EnvironmentName = "sandbox"
)

// Label is the environment's name as people read it.
func (n EnvironmentName) Label() string {
	switch n {
	case Production:
		return "Production"
	case Integration:
		return "Integration"
	case Sandbox:
		return "Sandbox"
	}
	return string(n)
}

// Way is one of the roads to a connection.
type Way string

const (
	// SignIn is the authorization code grant (RFC 6749, section 4.1).
	SignIn Way = "sign_in"
	// Guided is the client credentials grant with values that our staff enter.
	Guided Way = "guided"
	// OwnCredentials is the client credentials grant with values that the
	// contractor pastes.
	OwnCredentials Way = "own_credentials"
)

// Environment is one ServiceTitan and our app's registration with it.
type Environment struct {
	Name         EnvironmentName
	AuthURL      *url.URL // issuer, without a trailing slash
	APIURL       *url.URL // API base, without a trailing slash
	ClientID     string
	ClientSecret secret.Value
	AppKey       secret.Value // sent as ST-App-Key with every API call
	Scopes       []string
	Ways         []Way // in the order in which they are offered
}

// Offers says whether contractors may take the way in this environment.
func (e Environment) Offers(w Way) bool {
	for _, offered := range e.Ways {
		if offered == w {
			return true
		}
	}
	return false
}

// AppURL is where people sign in to use this ServiceTitan (developer
// documentation, "Manage client ID and secret").
func (e Environment) AppURL() string {
	switch e.Name {
	case Production:
		return "https://go.servicetitan.com"
	case Integration:
		return "https://integration.servicetitan.com"
	case Sandbox:
	}
	return e.AuthURL.String()
}

// PortalURL is where our app is managed: My Apps in the developer portal.
func (e Environment) PortalURL() string {
	if e.Name == Sandbox {
		return e.AuthURL.JoinPath("portal").String()
	}
	return "https://developer.servicetitan.io/custom/my-apps"
}
