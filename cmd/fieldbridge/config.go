package main

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// config is what the environment variables say.
type config struct {
	addr, adminAddr string
	baseURL         *url.URL
	databaseURL     string
	// databaseInsecure lets a PostgreSQL host beyond this machine go without
	// sslmode=verify-full.
	databaseInsecure bool
	keysetFile       string
	trustedProxies   []netip.Prefix
	// proxiesNamed says that FIELDBRIDGE_TRUSTED_PROXIES is set, if only to none.
	proxiesNamed bool
	logFormat    string
	logLevel     string
	sandboxAddr  string
	sandboxURL   *url.URL
	// demoReset is how long after midnight (UTC) a demo begins again; nil for
	// never.
	demoReset    *time.Duration
	environments []servicetitan.Environment
	smtpURL      *url.URL // nil if no mail is sent
	mailFrom     string
	keepAlive    time.Duration
	perSecond    int
	eventsKept   time.Duration
	// staffIssuer is the address where staff sign in; empty for passwords of ours.
	staffIssuer, staffClientID string
	staffClientSecret          servicetitan.Secret
	// staffACR is how staff must have signed in there; empty if any way will do.
	staffACR string
}

// defaultScopes is what the app asks for: to read what an integration needs,
// and to add bookings. offline_access is what yields a refresh token.
const defaultScopes = "tn.crm.customers:r tn.crm.locations:r tn.jpm.jobs:r tn.jpm.appointments:r tn.dis.capacity:r " +
	"tn.acc.invoices:r tn.acc.payments:r tn.crm.bookings:rw tn.stt.businessunits:r offline_access"

const exampleDatabase = "postgres://fieldbridge@db.internal/fieldbridge?sslmode=verify-full"

// variable is one environment variable.
type variable struct {
	name, fallback, meaning, example string
	set                              func(c *config, value string) error
}

// variables is every variable there is, in the order in which help prints them.
func variables(d defaults) []variable {
	all := []variable{
		{"FIELDBRIDGE_ADDR", "", "public listener; by default :8080, or 127.0.0.1:8080 with an https base URL", ":8080", func(c *config, v string) (err error) {
			if v != "" {
				c.addr, err = listenAddr(v)
			}
			return err
		}},
		{"FIELDBRIDGE_ADMIN_ADDR", "127.0.0.1:8081", "listener for health checks and metrics", "127.0.0.1:8081", func(c *config, v string) (err error) {
			c.adminAddr, err = listenAddr(v)
			return err
		}},
		{"FIELDBRIDGE_BASE_URL", "http://localhost:8080", "the app's address as browsers see it; http only on loopback", "https://connect.example.com", func(c *config, v string) (err error) {
			c.baseURL, err = originURL(v)
			return err
		}},
		{"FIELDBRIDGE_DATABASE_URL", d.database, "a SQLite path, or postgres://…; a host beyond this machine needs sslmode=verify-full", exampleDatabase, func(c *config, v string) error {
			c.databaseURL = v
			return models.CheckAddress(v)
		}},
		{"FIELDBRIDGE_DATABASE_INSECURE", "false", "true lets PostgreSQL be another host that does not prove who it is, for a network that nobody else is on", "false", func(c *config, v string) (err error) {
			v, err = oneOf(v, "true", "false")
			c.databaseInsecure = v == "true"
			return err
		}},
		{"FIELDBRIDGE_KEYSET_FILE", d.keyset, "the sealing keys, readable by their owner alone", "/etc/fieldbridge/keyset.json", func(c *config, v string) error {
			c.keysetFile = v
			return nil
		}},
		{"FIELDBRIDGE_SMTP_URL", "", "the mail server; without one, mails are named in the log and not sent (a demo sends none: they are in its mailbox)", "smtp://user:password@mail.example.com:587", func(c *config, v string) (err error) {
			if v != "" {
				c.smtpURL, err = smtpURL(v)
			}
			return err
		}},
		{"FIELDBRIDGE_MAIL_FROM", "", "whom mails are from", "Fieldbridge <support@example.com>", func(c *config, v string) error {
			if _, err := mail.ParseAddress(v); v != "" && err != nil {
				return errors.New("is not an address")
			}
			c.mailFrom = v
			return nil
		}},
		{"FIELDBRIDGE_KEEPALIVE", d.keepAlive, "how often an idle connection proves that it works", "1h", func(c *config, v string) (err error) {
			c.keepAlive, err = atLeast(v, 10*time.Second)
			return err
		}},
		{"FIELDBRIDGE_RENEWALS_PER_SECOND", "100", "how many renewals an environment gets in a second at most", "100", func(c *config, v string) (err error) {
			if c.perSecond, err = strconv.Atoi(v); err != nil || c.perSecond < 1 {
				return errors.New("is not a number from 1")
			}
			return nil
		}},
		{"FIELDBRIDGE_EVENTS_KEPT", "9600h", "how long events stay on timelines", "9600h", func(c *config, v string) (err error) {
			c.eventsKept, err = atLeast(v, 24*time.Hour)
			return err
		}},
		{"FIELDBRIDGE_STAFF_OIDC_ISSUER", "", "where staff sign in by OpenID Connect; without it they have passwords and a second factor here", "https://login.example.com", func(c *config, v string) error {
			// Kept to the letter: with or without a slash, it is another issuer.
			if c.staffIssuer = v; v == "" {
				return nil
			}
			_, err := baseURL(v)
			return err
		}},
		{"FIELDBRIDGE_STAFF_OIDC_CLIENT_ID", "", "our client ID there", "fieldbridge", func(c *config, v string) error {
			c.staffClientID = v
			return nil
		}},
		{"FIELDBRIDGE_STAFF_OIDC_CLIENT_SECRET", "", "our client secret there", "…", func(c *config, v string) error {
			c.staffClientSecret = servicetitan.NewSecret(v)
			return nil
		}},
		{"FIELDBRIDGE_STAFF_OIDC_ACR", "", "the authentication context class that staff sign-ins there must have, such as one with a second factor; several are separated by spaces", "urn:okta:loa:2fa:any", func(c *config, v string) error {
			c.staffACR = v
			return nil
		}},
		{"FIELDBRIDGE_TRUSTED_PROXIES", "", "networks of the proxies in front, whose X-Forwarded-For is believed, or none; needed with an https base URL", "10.0.0.0/8,192.168.1.7/32", func(c *config, v string) (err error) {
			if c.proxiesNamed = v != ""; !strings.EqualFold(v, "none") {
				c.trustedProxies, err = networks(v)
			}
			return err
		}},
		{"FIELDBRIDGE_LOG", "", "text or json; by default text on a terminal, else json", "json", func(c *config, v string) (err error) {
			c.logFormat, err = oneOf(v, "", "text", "json")
			return err
		}},
		{"FIELDBRIDGE_LOG_LEVEL", "info", "debug, info, warn or error", "info", func(c *config, v string) (err error) {
			c.logLevel, err = oneOf(v, "debug", "info", "warn", "error")
			return err
		}},
		{"FIELDBRIDGE_SANDBOX_ADDR", d.sandboxAddr, "listener of the stand-in for ServiceTitan, which makes it a demo", "127.0.0.1:9090", func(c *config, v string) (err error) {
			if v != "" {
				c.sandboxAddr, err = listenAddr(v)
			}
			return err
		}},
		{"FIELDBRIDGE_SANDBOX_URL", d.sandboxURL, "the stand-in's address as browsers and the app see it", "http://127.0.0.1:9090", func(c *config, v string) (err error) {
			if v != "" {
				c.sandboxURL, err = originURL(v)
			}
			return err
		}},
		{"FIELDBRIDGE_DEMO_RESET", "", "when a demo begins again each day, in UTC; by default never", "03:30", func(c *config, v string) (err error) {
			if v != "" {
				c.demoReset, err = timeOfDay(v)
			}
			return err
		}},
	}
	for _, e := range []struct {
		name       servicetitan.EnvironmentName
		auth, api  string
		firstWords string
	}{
		{servicetitan.Production, "https://auth.servicetitan.io", "https://api.servicetitan.io", "production"},
		{servicetitan.Integration, "https://auth-integration.servicetitan.io", "https://api-integration.servicetitan.io", "integration"},
	} {
		all = append(all, environmentVariables(e.name, e.auth, e.api)...)
	}
	return all
}

func environmentVariables(name servicetitan.EnvironmentName, auth, api string) []variable {
	prefix := "SERVICETITAN_" + strings.ToUpper(string(name)) + "_"
	in := func(set func(*servicetitan.Environment, string) error) func(*config, string) error {
		return func(c *config, v string) error {
			for i := range c.environments {
				if c.environments[i].Name == name {
					return set(&c.environments[i], v)
				}
			}
			c.environments = append(c.environments, servicetitan.Environment{Name: name})
			return set(&c.environments[len(c.environments)-1], v)
		}
	}
	return []variable{
		{prefix + "CLIENT_ID", "", "the app's client ID, for sign_in", "cid.…", in(func(e *servicetitan.Environment, v string) error {
			e.ClientID = v
			return nil
		})},
		{prefix + "CLIENT_SECRET", "", "the app's client secret, for sign_in", "cs1.…", in(func(e *servicetitan.Environment, v string) error {
			e.ClientSecret = servicetitan.NewSecret(v)
			return nil
		})},
		{prefix + "APP_KEY", "", "the app key; without it the environment is not offered", "ak1.…", in(func(e *servicetitan.Environment, v string) error {
			e.AppKey = servicetitan.NewSecret(v)
			return nil
		})},
		{prefix + "WAYS", "guided,own_credentials", "ways to connect that are offered, in order", "sign_in", in(func(e *servicetitan.Environment, v string) (err error) {
			e.Ways, err = ways(v)
			return err
		})},
		{prefix + "AUTH_URL", auth, "the authorization server", auth, in(func(e *servicetitan.Environment, v string) (err error) {
			e.AuthURL, err = baseURL(v)
			return err
		})},
		{prefix + "API_URL", api, "the API", api, in(func(e *servicetitan.Environment, v string) (err error) {
			e.APIURL, err = baseURL(v)
			return err
		})},
		{prefix + "SCOPES", defaultScopes, "the scopes asked for", "tn.crm.customers:r offline_access", in(func(e *servicetitan.Environment, v string) error {
			if e.Scopes = strings.Fields(v); len(e.Scopes) == 0 {
				return errors.New("names no scope")
			}
			return nil
		})},
	}
}

// defaults are those that differ between commands.
type defaults struct{ database, keyset, keepAlive, sandboxAddr, sandboxURL string }

func serveDefaults() defaults {
	return defaults{database: "data/fieldbridge.db", keyset: "data/keyset.json", keepAlive: "1h"}
}

// demoKeepAlive lets one watch connections being renewed.
const demoKeepAlive = "90s"

func demoDefaults() defaults {
	return defaults{
		database: "data/demo/fieldbridge.db", keyset: "data/demo/keyset.json", keepAlive: demoKeepAlive,
		sandboxAddr: "127.0.0.1:9090", sandboxURL: "http://127.0.0.1:9090",
	}
}

// loadConfig reads the variables. Its error names everything that is wrong,
// with an example for each.
func loadConfig(d defaults, lookup func(string) (string, bool)) (config, error) {
	var c config
	var faults []error
	for _, v := range variables(d) {
		value, given := lookup(v.name)
		if value = strings.TrimSpace(value); !given || value == "" {
			value = v.fallback
		}
		if err := v.set(&c, value); err != nil {
			faults = append(faults, fmt.Errorf("%s %w (for example %s=%s)", v.name, err, v.name, v.example))
		}
	}
	if c.addr == "" {
		c.addr = c.defaultAddr()
	}
	return c, errors.Join(append(faults, c.check()...)...)
}

// environmentConfig is what this process's environment says. It names unknown variables
// on standard error.
func environmentConfig(d defaults) (config, error) {
	for _, u := range unknownVariables(os.Environ()) {
		fmt.Fprintln(os.Stderr, "fieldbridge: warning:", u)
	}
	c, err := loadConfig(d, os.LookupEnv)
	if err != nil {
		return c, fmt.Errorf("the configuration is not right:\n%w", err)
	}
	return c, nil
}

// check finds what is wrong between the variables, and drops the environments
// that are not offered.
func (c *config) check() []error {
	var faults []error
	if c.smtpURL != nil && c.mailFrom == "" {
		faults = append(faults, errors.New("FIELDBRIDGE_MAIL_FROM is missing beside FIELDBRIDGE_SMTP_URL (for example FIELDBRIDGE_MAIL_FROM=support@example.com)"))
	}
	if c.staffIssuer != "" || c.staffACR != "" || c.staffClientID != "" || !c.staffClientSecret.IsZero() {
		for _, part := range []struct {
			missing       bool
			name, example string
		}{
			{c.staffIssuer == "", "ISSUER", "https://login.example.com"},
			{c.staffClientID == "", "CLIENT_ID", "fieldbridge"},
			{c.staffClientSecret.IsZero(), "CLIENT_SECRET", "…"},
		} {
			if part.missing {
				faults = append(faults, fmt.Errorf("FIELDBRIDGE_STAFF_OIDC_%s is missing beside the others (for example FIELDBRIDGE_STAFF_OIDC_%s=%s)", part.name, part.name, part.example))
			}
		}
	}
	if !c.databaseInsecure && models.CheckAddress(c.databaseURL) == nil && !models.ProvesServer(c.databaseURL) {
		faults = append(faults, fmt.Errorf("FIELDBRIDGE_DATABASE_URL connects to another host without sslmode=verify-full, so somebody on the way could read and change everything"+
			" (for example FIELDBRIDGE_DATABASE_URL=%s, with sslrootcert=FILE for an authority of your own; on a network that nobody else is on, FIELDBRIDGE_DATABASE_INSECURE=true)", exampleDatabase))
	}
	faults = append(faults, c.checkDemo()...)
	offered := c.environments[:0]
	for _, e := range c.environments {
		prefix := "SERVICETITAN_" + strings.ToUpper(string(e.Name)) + "_"
		if e.AppKey.IsZero() {
			if e.ClientID != "" || !e.ClientSecret.IsZero() {
				faults = append(faults, fmt.Errorf("%sAPP_KEY is missing beside the client ID and secret (for example %sAPP_KEY=ak1.…)", prefix, prefix))
			}
			continue
		}
		if e.Offers(servicetitan.SignIn) && (e.ClientID == "" || e.ClientSecret.IsZero()) {
			faults = append(faults, fmt.Errorf("%sWAYS has sign_in, which needs %sCLIENT_ID and %sCLIENT_SECRET", prefix, prefix, prefix))
		}
		offered = append(offered, e)
	}
	c.environments = offered
	return faults
}

// checkDemo finds what is wrong between the variables of a demo.
func (c *config) checkDemo() []error {
	var faults []error
	switch {
	case c.sandboxAddr != "" && c.sandboxURL == nil:
		faults = append(faults, errors.New("FIELDBRIDGE_SANDBOX_URL is missing beside FIELDBRIDGE_SANDBOX_ADDR (for example FIELDBRIDGE_SANDBOX_URL=https://sandbox.example.com)"))
	case c.sandboxAddr == "" && c.sandboxURL != nil:
		faults = append(faults, errors.New("FIELDBRIDGE_SANDBOX_ADDR is missing beside FIELDBRIDGE_SANDBOX_URL (for example FIELDBRIDGE_SANDBOX_ADDR=127.0.0.1:9090)"))
	case c.sandboxAddr == "" && c.demoReset != nil:
		faults = append(faults, errors.New("FIELDBRIDGE_DEMO_RESET is for demos, which have FIELDBRIDGE_SANDBOX_ADDR"))
	case c.sandboxURL != nil && c.baseURL != nil && c.sandboxURL.Host == c.baseURL.Host:
		faults = append(faults, errors.New("FIELDBRIDGE_SANDBOX_URL has the host of FIELDBRIDGE_BASE_URL; the stand-in needs one of its own"))
	}
	return faults
}

// staffSignIn is where staff sign in, or nil.
func (c *config) staffSignIn() *handlers.StaffIssuer {
	if c.staffIssuer == "" {
		return nil
	}
	return &handlers.StaffIssuer{Issuer: c.staffIssuer, ClientID: c.staffClientID, ClientSecret: c.staffClientSecret, ACR: strings.Fields(c.staffACR)}
}
