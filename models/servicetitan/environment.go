// Package servicetitan speaks ServiceTitan's protocol: OAuth 2.0 with its authorization
// server, and the few API calls that prove that a connection works. It knows no
// database. Its only state is an issuer's metadata, which it keeps for a while.
package servicetitan

import (
	"net/url"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// EnvironmentName names one of ServiceTitan's environments.
type EnvironmentName string

// The environments that ServiceTitan has.
const (
	Production  EnvironmentName = "production"
	Integration EnvironmentName = "integration"
	Sandbox     EnvironmentName = "sandbox"
)

// Label returns the environment's name as pages show it.
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

// Way is a way to connect.
type Way string

const (
	// SignIn is the authorization code grant (RFC 6749, section 4.1).
	SignIn Way = "sign_in"
	// Guided is the client credentials grant with a client ID and secret that our staff
	// enter.
	Guided Way = "guided"
	// OwnCredentials is the client credentials grant with a client ID and secret that
	// the contractor enters.
	OwnCredentials Way = "own_credentials"
)

// Environment is one of ServiceTitan's environments, with our app's registration there.
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

// Offers reports whether contractors can connect this way in this environment.
func (e Environment) Offers(w Way) bool {
	for _, offered := range e.Ways {
		if offered == w {
			return true
		}
	}
	return false
}

// AppURL returns the address where people sign in to this ServiceTitan (developer
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

// PortalURL returns the address where our app is managed: My Apps in the developer
// portal.
func (e Environment) PortalURL() string {
	if e.Name == Sandbox {
		return e.AuthURL.JoinPath("portal").String()
	}
	return "https://developer.servicetitan.io/custom/my-apps"
}
