package main

import (
	"net/url"

	"github.com/fieldbridge/fieldbridge/handlers"
)

// sampleLogo is the logo of the sample marketplace app: a calendar with a check mark.
const sampleLogo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 56 56">` +
	`<rect width="56" height="56" rx="14" fill="#5b4bc4"/>` +
	`<path fill="#fff" d="M15 18a4 4 0 0 1 4-4h18a4 4 0 0 1 4 4v20a4 4 0 0 1-4 4H19a4 4 0 0 1-4-4z"/>` +
	`<path fill="#c9c2f5" d="M15 18a4 4 0 0 1 4-4h18a4 4 0 0 1 4 4v4H15z"/>` +
	`<path fill="none" stroke="#5b4bc4" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" d="m22 31 4.5 4.5L35 27"/>` +
	`<path fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" d="M21 11v6M35 11v6"/></svg>`

// demoIntegration returns the other end of a demo's connections: the sandbox's sample
// app.
func demoIntegration(sandbox *url.URL) (integration, error) {
	logo, err := handlers.NewLogo([]byte(sampleLogo))
	return integration{Name: sampleAppName, Logo: logo, URL: sandbox.JoinPath("/app").String()}, err
}
