package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// sandboxCommand serves the sandbox without the app.
type sandboxCommand struct {
	Addr            string        `env:"FIELDBRIDGE_SANDBOX_ADDR" default:"127.0.0.1:9090" help:"Listener; port 0 takes a free one."`
	URL             string        `name:"url" env:"FIELDBRIDGE_SANDBOX_URL" help:"Its address as browsers and clients see it. The default is the listener's address. Requests to any other host are refused."`
	AllowRemote     bool          `help:"Let other machines reach it. Anyone who reaches it can do everything that its pages offer."`
	ClientID        string        `name:"client-id" env:"FIELDBRIDGE_SANDBOX_CLIENT_ID" default:"cid.sandbox" help:"The registered client."`
	ClientSecret    string        `env:"FIELDBRIDGE_SANDBOX_CLIENT_SECRET" help:"The client's secret. The default is a new one."`
	AppKey          string        `env:"FIELDBRIDGE_SANDBOX_APP_KEY" help:"The app key that the API requires as ST-App-Key. The default is a new one."`
	RedirectURI     []string      `name:"redirect-uri" env:"FIELDBRIDGE_SANDBOX_REDIRECT_URIS" default:"http://localhost:8080/callback" help:"The client's redirect URIs."`
	Scopes          string        `env:"FIELDBRIDGE_SANDBOX_SCOPES" help:"The scopes that the client may ask for, separated by spaces. The default is what Fieldbridge asks for."`
	AccessTokenLife time.Duration `env:"FIELDBRIDGE_SANDBOX_ACCESS_TOKEN_LIFE" default:"15m" help:"How long access tokens live."`
	RefreshGrace    time.Duration `env:"FIELDBRIDGE_SANDBOX_REFRESH_GRACE" default:"0s" help:"How long a used refresh token still works."`
	GraceUntilUsed  bool          `env:"FIELDBRIDGE_SANDBOX_GRACE_UNTIL_USED" help:"Let a used refresh token work until the access token that came after it is first used at the API, in place of a grace time."`
	Tenants         int           `env:"FIELDBRIDGE_SANDBOX_TENANTS" help:"How many made-up tenants to add to the samples, for tests at scale. The most is 10,000. Their IDs and names are always the same, from 200000001 on."`
	Rotation        bool          `env:"FIELDBRIDGE_SANDBOX_ROTATION" default:"true" negatable:"" help:"Whether refresh tokens change with each use. One that is used again after its grace time ends its grant."`
}

// Help describes the sandbox and its endpoints.
func (sandboxCommand) Help() string {
	return `The sandbox plays ServiceTitan, for demos and for tests of any OAuth 2.0 client. It keeps everything in memory,
prints its registration, and has

  /.well-known/openid-configuration   metadata (RFC 8414), also at /.well-known/oauth-authorization-server
  /connect/authorize                  sign-in and consent; PKCE with S256 is required (RFC 7636)
  /connect/token                      authorization_code, refresh_token and client_credentials (RFC 6749)
  /connect/revocation                 revocation (RFC 7009)
  /settings/v2/tenant/{tenant}/business-units   the API; requires Authorization: Bearer and ST-App-Key
  /                                   the control page: faults, actions, settings, the last requests
  /control/                           the same for programs, as JSON; see handlers/sandbox/README.md

A code works once, within a minute. A grant lasts 30 days. The token endpoint refuses with a 400 and an error code of
RFC 6749, section 5.2. To make a tenant's own client for client_credentials, go to /portal. Only the consent page asks
for a sign-in, so the sandbox is for this machine only. It refuses requests to any other host.
`
}

// Run serves until the context ends.
func (c sandboxCommand) Run(ctx context.Context) error {
	return c.serve(ctx, os.Stdout, newLogger(config{}))
}

func (c sandboxCommand) serve(ctx context.Context, out io.Writer, log *slog.Logger) error {
	if err := c.checkReach(); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if c.URL == "" {
		c.URL = "http://" + l.Addr().String()
	}
	box, err := c.open(log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := newServer(box, log)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	c.print(out)
	select {
	case <-ctx.Done():
		box.ClearFaults() // what they delay is answered
		return shutdown([]*http.Server{server}, drainLimit)
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	}
}

// checkReach refuses an address that other machines can reach, unless --allow-remote is
// given. The sandbox trusts everyone who reaches it.
func (c sandboxCommand) checkReach() error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("--addr %q is not host:port (for example --addr 127.0.0.1:9090)", c.Addr)
	}
	local := loopback(host)
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return fmt.Errorf("--url %q is not the address of a host (for example --url http://127.0.0.1:9090)", c.URL)
		}
		local = local && loopback(u.Hostname())
	}
	switch {
	case !local && !c.AllowRemote:
		return errors.New("other machines could reach it, and could do everything in it; listen on 127.0.0.1, or add --allow-remote")
	case !loopback(host) && c.URL == "":
		return errors.New("set --url to the address at which it is reached")
	}
	return nil
}

// open makes the sandbox, with defaults for what was not given.
func (c *sandboxCommand) open(log *slog.Logger) (*sandbox.Sandbox, error) {
	for _, redirect := range c.RedirectURI {
		if u, err := url.Parse(redirect); err != nil || u.Scheme == "" || u.Host == "" || u.Fragment != "" {
			return nil, fmt.Errorf("--redirect-uri %q is not an absolute URL (for example --redirect-uri http://localhost:8080/callback)", redirect)
		}
	}
	if c.Tenants < 0 || c.Tenants > sandbox.MostTenants {
		return nil, fmt.Errorf("--tenants %d: %w", c.Tenants, sandbox.ErrTooManyTenants)
	}
	if c.ClientSecret == "" {
		c.ClientSecret = "cs1.sandbox" + rand.Text()
	}
	if c.AppKey == "" {
		c.AppKey = "ak1.sandbox" + rand.Text()
	}
	if c.Scopes == "" {
		c.Scopes = defaultScopes
	}
	box := sandbox.New(sandbox.Options{
		URL: c.URL, ClientID: c.ClientID, ClientSecret: c.ClientSecret, AppKey: c.AppKey, RedirectURIs: c.RedirectURI,
		Scopes: strings.Fields(c.Scopes), AccessTokenLife: c.AccessTokenLife, RefreshGrace: c.RefreshGrace, GraceUntilUsed: c.GraceUntilUsed,
		Tenants:           sandbox.GeneratedTenants(c.Tenants),
		KeepRefreshTokens: !c.Rotation, Log: log,
	})
	return box, box.Set(box.Settings()) // Set checks them
}

// print shows the registration with its secrets, which work only in this sandbox.
// People paste it into shells, so each value is written for a shell.
func (c sandboxCommand) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"Sandbox", c.URL},
		{"Client ID", c.ClientID},
		{"Client secret", c.ClientSecret},
		{"App key", c.AppKey},
		{"Redirect URIs", strings.Join(c.RedirectURI, ",")},
		{"Scopes", strings.Join(strings.Fields(c.Scopes), " ")},
	} {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", line[0], inShell(line[1]))
	}
	_ = w.Flush()
}

// inShell returns a value as it is written in a shell. It puts a value with special
// characters in quotes.
func inShell(value string) string {
	special := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("-_.,:/@%+", r)
	}
	if value != "" && !strings.ContainsFunc(value, special) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
