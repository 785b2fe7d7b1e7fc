package handlers

import "github.com/fieldbridge/fieldbridge/models/accounts"

// browserName returns the browser and the system that a User-Agent names, such as
// "Chrome on Windows". It is the default name of a passkey.
func browserName(userAgent string) string {
	agent := accounts.ParseAgent(userAgent)
	if agent.Browser == "" {
		return "Passkey"
	}
	return agent.String()
}
