package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// config holds what the environment variables say. Kong reads its tags, but none of it
// is a flag. The table in README.md is generated from the tags.
//
//go:generate go test . -run ^TestREADMEHasTheConfiguration$ -update
type config struct {
	Addr              string         `env:"FIELDBRIDGE_ADDR" type:"listener" placeholder:":8080" help:"Public listener, which speaks plain HTTP. The default is :8080, or 127.0.0.1:8080 with an https base URL."`
	AdminAddr         string         `env:"FIELDBRIDGE_ADMIN_ADDR" type:"listener" default:"127.0.0.1:8081" placeholder:"127.0.0.1:8081" help:"Listener for health checks and metrics. It also answers to the name given here, such as metrics.internal."`
	BaseURL           *url.URL       `env:"FIELDBRIDGE_BASE_URL" type:"origin" default:"http://localhost:8080" placeholder:"https://connect.example.com" help:"The app's address as browsers see it. With https, cookies are Secure and HSTS is on. http is for loopback only."`
	DatabaseURL       string         `env:"FIELDBRIDGE_DATABASE_URL" type:"database" default:"${database}" placeholder:"${database_example}" help:"A SQLite path, or postgres://…. A host other than this machine needs sslmode=verify-full."`
	DatabaseInsecure  bool           `env:"FIELDBRIDGE_DATABASE_INSECURE" enum:"true,false" default:"false" placeholder:"false" help:"true accepts a PostgreSQL host that does not prove its identity, for a network that nobody else uses."`
	KeysetFile        string         `env:"FIELDBRIDGE_KEYSET_FILE" default:"${keyset}" placeholder:"/etc/fieldbridge/keyset.json" help:"The keys that encrypt access tokens and secrets. The file's mode must be 0600."`
	SMTPURL           *url.URL       `env:"FIELDBRIDGE_SMTP_URL" type:"smtp" placeholder:"smtp://user:password@mail.example.com:587" help:"The mail server, smtp:// or smtps://. TLS is required unless it is this machine. Without one, emails are named in the log and not sent, and sign-up is closed. A demo sends none: they are in its mailbox."`
	MailFrom          string         `env:"FIELDBRIDGE_MAIL_FROM" type:"mailbox" placeholder:"Fieldbridge <support@example.com>" help:"From address of outgoing mail."`
	SupportEmail      string         `env:"FIELDBRIDGE_SUPPORT_EMAIL" type:"address" default:"${support_email}" placeholder:"support@example.com" help:"Address of your support, for the help page and error pages. Without any of the three, the help page tells companies to ask the people whose software they use."`
	SupportPhone      string         `env:"FIELDBRIDGE_SUPPORT_PHONE" type:"phone" placeholder:"+1 555 010 0199" help:"Phone number of your support, with the country code."`
	SupportURL        *url.URL       `env:"FIELDBRIDGE_SUPPORT_URL" type:"base" placeholder:"https://example.com/support" help:"Page of your support, such as a form or a chat."`
	OtherEnd          integration    `embed:"" prefix:"other-end-" envprefix:"FIELDBRIDGE_INTEGRATION_"`
	KeepAlive         time.Duration  `env:"FIELDBRIDGE_KEEPALIVE" type:"duration" least:"10s" default:"${keepalive}" placeholder:"1h" help:"How often an idle connection is renewed."`
	PerSecond         int            `env:"FIELDBRIDGE_RENEWALS_PER_SECOND" type:"count" default:"100" placeholder:"100" help:"Most renewals per second for one environment, from each instance."`
	CheckEvery        time.Duration  `env:"FIELDBRIDGE_CHECK_EVERY" type:"duration" least:"1m" most:"24h" default:"${check_every}" placeholder:"1h" help:"How often ServiceTitan's API is called to check that a connection in use works, at least. An idle one is checked after six times as long."`
	ChecksPerSecond   int            `env:"FIELDBRIDGE_CHECKS_PER_SECOND" type:"count" default:"100" placeholder:"100" help:"Most checks per second for one environment, by all instances together."`
	Developers        bool           `env:"FIELDBRIDGE_DEVELOPERS" enum:"true,false" default:"${developers}" placeholder:"false" help:"true lets the owners of companies make API keys and webhooks for their own company. Admins of your staff make them for all companies."`
	EventsKept        time.Duration  `env:"FIELDBRIDGE_EVENTS_KEPT" type:"duration" least:"24h" default:"9600h" placeholder:"9600h" help:"How long events stay on timelines."`
	StaffIssuer       string         `env:"FIELDBRIDGE_STAFF_OIDC_ISSUER" type:"issuer" placeholder:"https://login.example.com" help:"Where staff sign in with OpenID Connect. Without it, they have passwords and a second factor here."`
	StaffClientID     string         `env:"FIELDBRIDGE_STAFF_OIDC_CLIENT_ID" placeholder:"fieldbridge" help:"Our client ID there."`
	StaffClientSecret secret.Value   `env:"FIELDBRIDGE_STAFF_OIDC_CLIENT_SECRET" placeholder:"…" help:"Our client secret there."`
	StaffACR          string         `env:"FIELDBRIDGE_STAFF_OIDC_ACR" placeholder:"urn:okta:loa:2fa:any" help:"The authentication context classes (acr) that staff sign-ins there may have, such as one with a second factor, separated by spaces."`
	TrustedProxies    []netip.Prefix `env:"FIELDBRIDGE_TRUSTED_PROXIES" type:"networks" placeholder:"10.0.0.0/8,192.168.1.7/32" help:"Networks of the proxies in front, whose X-Forwarded-For is believed, or none if browsers reach the listener directly. Required with an https base URL."`
	WebhookNetworks   []netip.Prefix `env:"FIELDBRIDGE_WEBHOOK_NETWORKS" type:"networks" placeholder:"10.20.0.0/16" help:"Private networks that the operator's webhook endpoints may be in. Without any, they have to be on the public internet, as those of companies always do."`
	ProxyPaths        []api.CallPath `env:"FIELDBRIDGE_PROXY_PATHS" type:"proxypaths" default:"${proxy_paths}" placeholder:"/crm/v2 /settings/v2/tenant/{tenant}/business-units" help:"Paths of ServiceTitan's API that back ends may call through Fieldbridge, with everything below them, separated by spaces. Without one, no call is passed on."`
	CallsPerSecond    int            `env:"FIELDBRIDGE_CALLS_PER_SECOND" type:"count" default:"60" placeholder:"60" help:"Most calls a second to one tenant that are passed on, by all instances together. ServiceTitan allows 60."`
	LogFormat         string         `env:"FIELDBRIDGE_LOG" enum:",text,json" default:"" placeholder:"json" help:"text or json. The default is text on a terminal, else json."`
	LogLevel          slog.Level     `env:"FIELDBRIDGE_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" placeholder:"info" help:"debug, info, warn, or error."`
	SandboxAddr       string         `env:"FIELDBRIDGE_SANDBOX_ADDR" type:"listener" default:"${sandbox_addr}" placeholder:"127.0.0.1:9090" help:"Listener of the sandbox. Setting it makes this a demo."`
	SandboxURL        *url.URL       `env:"FIELDBRIDGE_SANDBOX_URL" type:"origin" placeholder:"https://sandbox.example.com" help:"The sandbox's address as browsers and the app see it. A demo on this machine has the listener's address."`
	DemoReset         *time.Duration `env:"FIELDBRIDGE_DEMO_RESET" type:"timeofday" placeholder:"03:30" help:"When a demo resets each day, in UTC. The default is never."`
	Production        environment    `embed:"" prefix:"production-" envprefix:"SERVICETITAN_PRODUCTION_" set:"host="`
	Integration       environment    `embed:"" prefix:"integration-" envprefix:"SERVICETITAN_INTEGRATION_" set:"host=-integration"`

	// environments are the environments that are offered.
	environments []servicetitan.Environment
	// director gives the five-minute demo. It is nil outside a demo.
	director *handlers.Director
}

// environment holds what the variables say about one of ServiceTitan's environments.
type environment struct {
	ClientID     string             `env:"CLIENT_ID" placeholder:"cid.…" help:"The app's client ID, for sign_in."`
	ClientSecret secret.Value       `env:"CLIENT_SECRET" placeholder:"cs1.…" help:"The app's client secret, for sign_in."`
	AppKey       secret.Value       `env:"APP_KEY" placeholder:"ak1.…" help:"The app key. Without it, the environment is not offered."`
	Ways         []servicetitan.Way `env:"WAYS" enum:"sign_in,guided,own_credentials" default:"guided,own_credentials" placeholder:"sign_in" help:"Ways to connect, in the order in which they are offered: sign_in, guided, own_credentials. The first is recommended."`
	AuthURL      *url.URL           `env:"AUTH_URL" type:"base" default:"https://auth${host}.servicetitan.io" placeholder:"${default}" help:"The authorization server. Any OAuth 2.0 server will do."`
	APIURL       *url.URL           `env:"API_URL" type:"base" default:"https://api${host}.servicetitan.io" placeholder:"${default}" help:"The API."`
	Scopes       []string           `env:"SCOPES" type:"scopes" default:"${scopes}" placeholder:"tn.crm.customers:r offline_access" help:"The scopes that the app asks for."`
}

// defaultScopes is what the app asks for: to read what an integration needs,
// and to add bookings. offline_access is what yields a refresh token.
const defaultScopes = "tn.crm.customers:r tn.crm.locations:r tn.jpm.jobs:r tn.jpm.appointments:r tn.dis.capacity:r " +
	"tn.acc.invoices:r tn.acc.payments:r tn.crm.bookings:rw tn.stt.businessunits:r offline_access"

const exampleDatabase = "postgres://fieldbridge@db.internal/fieldbridge?sslmode=verify-full"

// demoKeepAlive is short enough to watch connections being renewed.
const demoKeepAlive = "90s"

// demoCheckEvery is short enough to watch connections being checked.
const demoCheckEvery = "2m"

// serveDefaults returns the values of the variables in config's default tags.
func serveDefaults() kong.Vars {
	return kong.Vars{
		"database": "data/fieldbridge.db", "keyset": "data/keyset.json", "keepalive": "1h", "check_every": "1h",
		"sandbox_addr": "", "support_email": "", "developers": "false", "proxy_paths": "", "scopes": defaultScopes, "database_example": exampleDatabase,
	}
}

// demoDefaults returns the same for a demo.
func demoDefaults() kong.Vars {
	return serveDefaults().CloneWith(kong.Vars{
		"database": "data/demo/fieldbridge.db", "keyset": "data/demo/keyset.json", "keepalive": demoKeepAlive, "check_every": demoCheckEvery,
		"sandbox_addr": "127.0.0.1:9090",
		"developers":   "true", "support_email": "support@fieldbridge.example", "proxy_paths": demoProxyPaths,
	})
}

// variables returns all environment variables, in the order of the fields. Decoding a
// variable sets its field of c.
func (c *config) variables(defaults kong.Vars) []*kong.Flag {
	return kong.Must(c, defaults, kong.NoDefaultHelp(),
		kong.TypeMapper(reflect.TypeFor[secret.Value](), reads(func(v string) (secret.Value, error) { return secret.New(v), nil })),
		kong.NamedMapper("listener", reads(listenAddr)),
		kong.NamedMapper("origin", reads(originURL)),
		kong.NamedMapper("base", reads(baseURL)),
		kong.NamedMapper("smtp", reads(smtpURL)),
		// An issuer stays exactly as it was written. With a slash at the end, it is a
		// different issuer.
		kong.NamedMapper("issuer", reads(func(v string) (string, error) { _, err := baseURL(v); return v, err })),
		kong.NamedMapper("database", reads(func(v string) (string, error) { return v, database.CheckAddress(v) })),
		kong.NamedMapper("mailbox", reads(mailAddress)),
		kong.NamedMapper("address", reads(plainAddress)),
		kong.NamedMapper("phone", reads(phoneNumber)),
		kong.NamedMapper("integration", reads(integrationName)),
		kong.NamedMapper("logo", reads(logoFile)),
		kong.NamedMapper("page", reads(pageURL)),
		kong.NamedMapper("support", reads(integrationSupport)),
		kong.NamedMapper("duration", kong.MapperFunc(readDuration)),
		kong.NamedMapper("timeofday", reads(timeOfDay)),
		kong.NamedMapper("count", reads(count)),
		kong.NamedMapper("proxypaths", reads(proxyPaths)),
		kong.NamedMapper("networks", reads(networks)),
		kong.NamedMapper("scopes", reads(func(v string) ([]string, error) { return strings.Fields(v), nil })),
	).Model.Flags
}

// loadConfig reads the variables. Its error names everything that is wrong, gives an
// example for each, and quotes no value.
func loadConfig(defaults kong.Vars, lookup func(string) (string, bool)) (config, error) {
	var c config
	var problems []error
	examples := map[string]string{}
	for _, v := range c.variables(defaults) {
		name := v.Envs[0]
		examples[name] = v.PlaceHolder
		value, _ := lookup(name)
		if value = strings.TrimSpace(value); value == "" {
			value = v.Default
		}
		if value == "" {
			continue
		}
		if err := decode(v.Value, value); err != nil {
			problems = append(problems, fmt.Errorf("%s %w (for example %s=%s)", name, err, name, v.PlaceHolder))
		}
	}
	if c.Addr == "" {
		c.Addr = c.defaultAddr()
	}
	if c.SandboxURL == nil && defaults["sandbox_addr"] != "" {
		c.SandboxURL = c.sandboxHere()
	}
	// Without an app key, an environment is not offered.
	c.environments = slices.DeleteFunc(c.all(), func(e servicetitan.Environment) bool { return e.AppKey.IsZero() })
	return c, errors.Join(append(problems, c.check(examples)...)...)
}

// decode sets the field of a variable. If the tag has an enum, each value of a list
// must be one of the enum's.
func decode(v *kong.Value, value string) error {
	if v.Enum != "" {
		list := strings.Split(value, ",")
		for i := range list {
			if list[i] = strings.TrimSpace(list[i]); !slices.Contains(v.EnumSlice(), list[i]) {
				return fmt.Errorf("is not one of %s", strings.ReplaceAll(strings.Trim(v.Enum, ","), ",", ", "))
			}
		}
		value = strings.Join(list, ",")
	}
	return v.Mapper.Decode(&kong.DecodeContext{Value: v, Scan: kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: value})}, v.Target)
}

// environmentConfig returns the configuration from this process's environment. It names
// unknown variables on standard error.
func environmentConfig(defaults kong.Vars) (config, error) {
	for _, u := range unknownVariables(os.Environ()) {
		fmt.Fprintln(os.Stderr, "fieldbridge: warning:", u)
	}
	c, err := loadConfig(defaults, os.LookupEnv)
	if err != nil {
		return c, fmt.Errorf("the configuration has problems:\n%w", err)
	}
	return c, nil
}

// servedConfig returns environmentConfig and a logger, for commands that serve people.
func servedConfig(defaults kong.Vars) (config, *slog.Logger, error) {
	c, err := loadConfig(defaults, os.LookupEnv)
	log := newLogger(c)
	for _, u := range unknownVariables(os.Environ()) {
		log.Warn(u.String())
	}
	if err := errors.Join(err, c.checkProxies()); err != nil {
		return c, log, fmt.Errorf("the configuration has problems:\n%w", err)
	}
	return c, log, nil
}

// check returns what is wrong with the variables together.
func (c *config) check(examples map[string]string) (problems []error) {
	find := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need := func(missing bool, name, beside string) {
		find(missing, "%s is missing; it is required with %s (for example %s=%s)", name, beside, name, examples[name])
	}
	need(c.SMTPURL != nil && c.MailFrom == "", "FIELDBRIDGE_MAIL_FROM", "FIELDBRIDGE_SMTP_URL")
	need(c.OtherEnd.nameless(), "FIELDBRIDGE_INTEGRATION_NAME", "the other FIELDBRIDGE_INTEGRATION variables")
	staff := c.StaffIssuer != "" || c.StaffACR != "" || c.StaffClientID != "" || !c.StaffClientSecret.IsZero()
	need(staff && c.StaffIssuer == "", "FIELDBRIDGE_STAFF_OIDC_ISSUER", "the other FIELDBRIDGE_STAFF_OIDC variables")
	need(staff && c.StaffClientID == "", "FIELDBRIDGE_STAFF_OIDC_CLIENT_ID", "the other FIELDBRIDGE_STAFF_OIDC variables")
	need(staff && c.StaffClientSecret.IsZero(), "FIELDBRIDGE_STAFF_OIDC_CLIENT_SECRET", "the other FIELDBRIDGE_STAFF_OIDC variables")
	find(!c.DatabaseInsecure && database.CheckAddress(c.DatabaseURL) == nil && !database.ProvesServer(c.DatabaseURL),
		"FIELDBRIDGE_DATABASE_URL connects to another host without sslmode=verify-full, so someone on the network could read and change everything"+
			" (for example FIELDBRIDGE_DATABASE_URL=%s, with sslrootcert=FILE for your own certificate authority; on a network that nobody else uses, FIELDBRIDGE_DATABASE_INSECURE=true)", exampleDatabase)
	need(c.SandboxAddr != "" && c.SandboxURL == nil, "FIELDBRIDGE_SANDBOX_URL", "FIELDBRIDGE_SANDBOX_ADDR")
	need(c.SandboxAddr == "" && c.SandboxURL != nil, "FIELDBRIDGE_SANDBOX_ADDR", "FIELDBRIDGE_SANDBOX_URL")
	find(c.SandboxAddr == "" && c.SandboxURL == nil && c.DemoReset != nil, "FIELDBRIDGE_DEMO_RESET is for demos, which have FIELDBRIDGE_SANDBOX_ADDR")
	find(c.SandboxAddr != "" && c.SandboxURL != nil && c.BaseURL != nil && c.SandboxURL.Host == c.BaseURL.Host,
		"FIELDBRIDGE_SANDBOX_URL has the host of FIELDBRIDGE_BASE_URL; the sandbox needs a host of its own")
	for _, e := range c.all() {
		prefix := "SERVICETITAN_" + strings.ToUpper(string(e.Name)) + "_"
		need(e.AppKey.IsZero() && (e.ClientID != "" || !e.ClientSecret.IsZero()), prefix+"APP_KEY", "the client ID and secret")
		find(!e.AppKey.IsZero() && e.Offers(servicetitan.SignIn) && (e.ClientID == "" || e.ClientSecret.IsZero()),
			"%[1]sWAYS has sign_in, which needs %[1]sCLIENT_ID and %[1]sCLIENT_SECRET", prefix)
	}
	return problems
}

// all returns ServiceTitan's environments, whether or not they are offered.
func (c *config) all() []servicetitan.Environment {
	as := func(name servicetitan.EnvironmentName, e environment) servicetitan.Environment {
		return servicetitan.Environment{
			Name: name, AuthURL: e.AuthURL, APIURL: e.APIURL, ClientID: e.ClientID,
			ClientSecret: e.ClientSecret, AppKey: e.AppKey, Scopes: e.Scopes, Ways: e.Ways,
		}
	}
	return []servicetitan.Environment{as(servicetitan.Production, c.Production), as(servicetitan.Integration, c.Integration)}
}

// noEnvironment is the warning of serve and doctor if nothing can be connected to. It
// is only a warning, so that a new installation can start before the app key has
// arrived.
const noEnvironment = "no environment of ServiceTitan is configured, so nobody can connect"

// proxiesRemedy says what to do if checkProxies fails.
const proxiesRemedy = "set FIELDBRIDGE_TRUSTED_PROXIES to the networks of the proxies in front, or to none if browsers reach this listener directly"

// checkProxies requires FIELDBRIDGE_TRUSTED_PROXIES with an https base URL. Then a
// proxy ends TLS, and unless it is named, all people count as one address. A few wrong
// sign-ins would lock everybody out.
func (c *config) checkProxies() error {
	if c.BaseURL == nil || c.BaseURL.Scheme != "https" || c.TrustedProxies != nil {
		return nil
	}
	return errors.New("FIELDBRIDGE_TRUSTED_PROXIES is missing; it is required with an https FIELDBRIDGE_BASE_URL; " + proxiesRemedy +
		" (for example FIELDBRIDGE_TRUSTED_PROXIES=10.0.0.0/8, or FIELDBRIDGE_TRUSTED_PROXIES=none)")
}

// defaultAddr returns the public listener if none is given. With https, plain HTTP
// stays on this machine.
func (c *config) defaultAddr() string {
	if c.BaseURL != nil && c.BaseURL.Scheme == "https" {
		return "127.0.0.1:8080"
	}
	return ":8080"
}

// sandboxHere returns the address of the sandbox's listener, or nil if other machines
// reach it too. Then its address is whatever leads to it from there.
func (c *config) sandboxHere() *url.URL {
	host, _, err := net.SplitHostPort(c.SandboxAddr)
	if err != nil || !loopback(host) {
		return nil
	}
	return &url.URL{Scheme: "http", Host: c.SandboxAddr}
}

// staffSignIn returns the issuer where staff sign in, or nil.
func (c *config) staffSignIn() *handlers.StaffIssuer {
	if c.StaffIssuer == "" {
		return nil
	}
	return &handlers.StaffIssuer{Issuer: c.StaffIssuer, ClientID: c.StaffClientID, ClientSecret: c.StaffClientSecret, ACR: strings.Fields(c.StaffACR)}
}

// outboundRules returns what webhook endpoints may be. A demo on the machine of the
// person who looks at it also reaches that machine. One that others can reach sends only
// to its own sandbox, because anybody may sign in to it and send to whomever they like.
func (c *config) outboundRules() outbound.Rules {
	rules := outbound.Rules{Networks: c.WebhookNetworks}
	if c.SandboxAddr != "" {
		if rules.Loopback = loopback(c.BaseURL.Hostname()); !rules.Loopback {
			rules.Only = c.SandboxURL.Host
		}
	}
	return rules
}
