package main

import (
	"errors"
	"io"
	"net/url"
	"os"
	"unicode/utf8"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// integration holds what the variables say about the software that the connections are
// for. Without a name, there is none.
type integration struct {
	Name       string           `env:"NAME" type:"integration" placeholder:"Acme Scheduling" help:"Name of the software that the connections are for, at most 60 characters. Pages then name both ends: Acme Scheduling ↔ ServiceTitan."`
	Logo       *handlers.Logo   `env:"LOGO" type:"logo" placeholder:"/etc/fieldbridge/logo.svg" help:"Its logo: a PNG, WebP, or SVG file of at most 64 KB. It is read when the program starts."`
	URL        string           `env:"URL" type:"page" placeholder:"https://app.example.com" help:"Where people return to it when they are connected."`
	Support    handlers.Contact `env:"SUPPORT" type:"support" placeholder:"help@example.com" help:"Where people reach its support: an email address or an https address. The help page has it next to yours."`
	PrivacyURL string           `env:"PRIVACY_URL" type:"page" placeholder:"https://example.com/privacy" help:"Its privacy policy, for the foot of pages."`
	TermsURL   string           `env:"TERMS_URL" type:"page" placeholder:"https://example.com/terms" help:"Its terms of service, for the foot of pages."`
}

// nameless reports whether the name is missing although there is something else.
func (i integration) nameless() bool { return i.Name == "" && i != integration{} }

// shown returns what pages show of it.
func (i integration) shown() handlers.Integration {
	shown := handlers.Integration{Name: i.Name, HomeURL: i.URL, Support: i.Support, PrivacyURL: i.PrivacyURL, TermsURL: i.TermsURL}
	if i.Logo != nil {
		shown.LogoPath = i.Logo.Path
	}
	return shown
}

// longestIntegration is the length of the longest name of an integration, in characters.
// It has room in a line of a phone beside ServiceTitan.
const longestIntegration = 60

func integrationName(v string) (string, error) {
	name, problem := accounts.ParseName(v)
	switch {
	case problem == accounts.NameInvisible:
		return v, errors.New("has invisible characters")
	case problem == accounts.NameAddress:
		return v, errors.New("has a web or email address")
	case problem != accounts.NameFine || utf8.RuneCountInString(name) > longestIntegration:
		return v, errors.New("has more than 60 characters")
	}
	return name, nil
}

// logoFile reads and checks the file of a logo.
func logoFile(path string) (*handlers.Logo, error) {
	file, err := os.Open(path) // #nosec G304 -- the operator names it
	if err != nil {
		return new(handlers.Logo), errors.New("is not a file that can be read")
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, handlers.LargestLogo+1))
	if err != nil {
		return new(handlers.Logo), errors.New("is not a file that can be read")
	}
	logo, err := handlers.NewLogo(content)
	if err != nil {
		return new(handlers.Logo), err
	}
	return logo, nil
}

// pageURL accepts the address of a page: https, or http on loopback.
func pageURL(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return v, errors.New("is not an address")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return v, errors.New("is not https, and http is allowed only on this machine")
	}
	return u.String(), nil
}

// integrationSupport accepts an email address or the address of a page.
func integrationSupport(v string) (handlers.Contact, error) {
	if address, err := plainAddress(v); err == nil {
		return handlers.Contact{Email: address}, nil
	}
	address, err := pageURL(v)
	if err != nil {
		err = errors.New("is neither an email address nor an https address")
	}
	return handlers.Contact{URL: address}, err
}
