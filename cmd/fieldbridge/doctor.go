package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/readiness"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

type doctorCommand struct{}

// Run prints the findings, and fails if there is a problem.
func (doctorCommand) Run(ctx context.Context) error {
	d := doctor{lookup: os.LookupEnv, environ: os.Environ(), now: time.Now}
	d.examine(ctx)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	count := make(map[level]int)
	for _, f := range d.findings {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", f.level, f.about, f.says)
		if f.todo != "" {
			_, _ = fmt.Fprintf(w, "\t\tdo: %s\n", f.todo)
		}
		count[f.level]++
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return conclude(os.Stdout, count)
}

// conclude ends the report with what remains to be done. It fails if there is a
// problem.
func conclude(out io.Writer, count map[level]int) error {
	switch problems, warnings := count[bad], count[warning]; {
	case problems == 1:
		return errors.New("1 problem to fix")
	case problems > 1:
		return fmt.Errorf("%d problems to fix", problems)
	case warnings == 1:
		_, _ = fmt.Fprintln(out, "\nNothing needs to be fixed. There is 1 warning.")
	case warnings > 1:
		_, _ = fmt.Fprintf(out, "\nNothing needs to be fixed. There are %d warnings.\n", warnings)
	default:
		_, _ = fmt.Fprintln(out, "\nEverything is fine.")
	}
	return nil
}

// level says how serious a finding is.
type level string

const (
	good    level = "ok"
	note    level = "note"
	warning level = "warning"
	bad     level = "PROBLEM"
)

// finding is one line of the doctor's report. It contains no secret.
type finding struct {
	level             level
	about, says, todo string
}

// doctor checks everything that the app needs, and changes nothing.
type doctor struct {
	lookup func(string) (string, bool)
	// environ is the environment, as entries of the form NAME=value.
	environ  []string
	now      func() time.Time
	findings []finding
}

func (d *doctor) find(l level, about, todo, says string, args ...any) {
	d.findings = append(d.findings, finding{l, about, fmt.Sprintf(says, args...), todo})
}

func (d *doctor) examine(ctx context.Context) {
	for _, u := range unknownVariables(d.environ) {
		d.find(warning, "configuration", "correct its name or remove it; fieldbridge serve --help lists all variables", "%s", u)
	}
	c, err := loadConfig(serveDefaults(), d.lookup)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			d.find(bad, "configuration", "correct the variable; fieldbridge serve --help explains each", "%s", strings.TrimSpace(line))
		}
		return
	}
	d.find(good, "configuration", "", "%s, with %d of ServiceTitan's environments", c.BaseURL, len(c.environments))
	if c.OtherEnd.Name != "" {
		d.find(good, "integration", "", "pages name %s as the other end of the connection", c.OtherEnd.Name)
	}
	if c.checkProxies() != nil {
		d.find(bad, "configuration", proxiesRemedy, "the base URL is https, but FIELDBRIDGE_TRUSTED_PROXIES is not set: behind a proxy, everyone would count as one address")
	}
	if c.BaseURL.Scheme != "https" {
		d.find(note, "configuration", "set FIELDBRIDGE_BASE_URL to the https address before anyone else uses it", "the base URL is http, which is only for this machine")
	}
	if c.SMTPURL == nil && c.SandboxAddr == "" {
		d.find(warning, "mail", "set FIELDBRIDGE_SMTP_URL and FIELDBRIDGE_MAIL_FROM; until then, give people links with fieldbridge invite and fieldbridge reset-password",
			"no mail server is configured, so sign-up is closed, and nobody is told when a connection needs them")
	}
	switch {
	case c.SandboxAddr != "" && len(c.environments) > 0:
		d.find(bad, "configuration", "remove FIELDBRIDGE_SANDBOX_ADDR or SERVICETITAN_…_APP_KEY", "%v", errDemoBesideReal)
	case c.SandboxAddr != "":
		d.find(note, "configuration", "remove FIELDBRIDGE_SANDBOX_ADDR unless you want that", "this is a demo, where anyone may sign in")
	}
	isDemo := d.database(ctx, c, d.keyset(c))
	switch {
	case c.SandboxAddr != "":
	case isDemo && len(c.environments) > 0:
		d.find(bad, "database", "set FIELDBRIDGE_DATABASE_URL to another, or remove SERVICETITAN_…_APP_KEY", "it belongs to a demo, which cannot use ServiceTitan")
	case isDemo:
		d.find(note, "database", "fieldbridge demo continues with it if it is given --keep and the same variables", "it belongs to a demo, which needs no environment of ServiceTitan")
	case len(c.environments) == 0:
		d.find(warning, "configuration", "set SERVICETITAN_PRODUCTION_APP_KEY to the application key of My Apps in the developer portal", noEnvironment)
	}
	transport := servicetitan.NewTransport()
	defer transport.CloseIdleConnections()
	if issuer := c.staffSignIn(); issuer != nil {
		if err := issuer.Discover(ctx, d.now()); err != nil {
			d.find(bad, "staff sign-in", "set FIELDBRIDGE_STAFF_OIDC_ISSUER to exactly the issuer that the metadata names, and let this machine reach it", "%s: %v", c.StaffIssuer, err)
		} else {
			d.find(good, "staff sign-in", "", "%s answers with its metadata", c.StaffIssuer)
		}
	}
	for _, e := range c.environments {
		d.environment(e, servicetitan.NewClient(e, transport, d.now).Probe(ctx))
	}
}

// keyset returns the keys, or nil if they cannot be loaded.
func (d *doctor) keyset(c config) *seal.Keys {
	keys, err := seal.Load(c.KeysetFile)
	switch {
	case errors.Is(err, seal.ErrNoKeyset):
		d.find(bad, "keyset", "for a new database: fieldbridge keys new; otherwise restore the copy of the file", "%v", err)
	case err != nil:
		d.find(bad, "keyset", "the file must be the keyset, readable by the user who runs fieldbridge and by nobody else (chmod 600)", "%v", err)
	default:
		d.find(good, "keyset", "", "%s, new values are sealed with key %d", c.KeysetFile, keys.Primary())
		return keys
	}
	return nil
}

// database checks a database, and reports whether it is a demo's. It does not create a
// database.
func (d *doctor) database(ctx context.Context, c config, keys *seal.Keys) (isDemo bool) {
	const about = "database"
	if c.DatabaseInsecure && !database.ProvesServer(c.DatabaseURL) {
		d.find(note, about, "add sslmode=verify-full to FIELDBRIDGE_DATABASE_URL and remove FIELDBRIDGE_DATABASE_INSECURE, unless nobody else is on that network", "it is another host that does not have to prove its identity")
	}
	db, err := database.OpenExisting(ctx, c.DatabaseURL, d.now)
	if errors.Is(err, database.ErrNoDatabase) {
		d.find(note, about, "", "%s does not exist yet; serve creates it", c.DatabaseURL)
		return false
	}
	if err != nil {
		d.find(bad, about, "check FIELDBRIDGE_DATABASE_URL, and that the database is running and accepts this user", "%v", err)
		return false
	}
	defer func() { _ = db.Close() }() // only read from
	schema, err := db.CheckSchema(ctx)
	switch {
	case errors.Is(err, database.ErrNoSchema):
		d.find(note, about, "start serve, or run fieldbridge migrate", "it is new and has no tables yet")
		return false
	case errors.Is(err, database.ErrSchemaBehind):
		d.find(note, about, "start serve, or run fieldbridge migrate", "the schema is at version %d, this program needs %d", schema.Current, schema.Target)
		return false
	case errors.Is(err, database.ErrSchemaAhead):
		d.find(bad, about, "run the newer fieldbridge", "the schema is at version %d, this program supports %d", schema.Current, schema.Target)
		return false
	case err != nil:
		d.find(bad, about, "check that the user may read the tables", "%v", err)
		return false
	}
	d.find(good, about, "", "answers, schema at version %d", schema.Current)
	if schema.Current > schema.Target {
		d.find(note, about, "upgrade this program too", "the schema is newer than version %d, which this program supports, but allows this program to work with it", schema.Target)
	}
	isDemo = errors.Is(demo.CheckNone(ctx, db), demo.ErrDemoData)
	if keys == nil {
		return isDemo
	}
	if errors.Is(keyring.Verify(ctx, db, keys), keyring.ErrNoMark) {
		d.find(note, "keyset", "", "%v", keyring.ErrNoMark)
	}
	d.ability(ctx, db, keys)
	return isDemo
}

// ability reports whether a process with these keys can work with the database, as
// /readyz does. The write that it tries changes nothing.
func (d *doctor) ability(ctx context.Context, db *database.DB, keys *seal.Keys) {
	const saved = "nothing can be saved"
	cause, err := readiness.Examine(ctx, db, keys, func(ctx context.Context) error { return keyring.RewriteMark(ctx, db) })
	switch cause {
	case readiness.OtherKeyset:
		d.find(bad, "keyset", "restore the keyset file that belongs to this database; without it every company has to reconnect", "%v", err)
		return
	case readiness.DiskFull:
		d.find(bad, "database", "make room on its disk", saved+": %v", err)
		return
	case readiness.ReadOnly:
		d.find(bad, "database", "let this user write its files; on PostgreSQL, connect to the primary, and check default_transaction_read_only", saved+": %v", err)
		return
	case readiness.NoAnswer, readiness.OtherSchema, readiness.WritesFail, readiness.WritesWait:
		d.find(bad, "database", "check its log, and that nothing else holds a lock on it", saved+": %v", err)
		return
	case readiness.None, readiness.KeyMissing: // the values themselves say more
	}
	d.find(good, "database", "", "takes writes")
	with, err := keyring.SealedWith(ctx, db)
	if err != nil {
		d.find(bad, "keyset", "check that the user may read the tables", "%v", err)
		return
	}
	missing, err := keyring.MissingKeys(ctx, db, keys)
	if err != nil {
		d.find(bad, "keyset", "check that the user may read the tables", "%v", err)
		return
	}
	for id := range with {
		if !keys.Has(id) && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	for _, id := range missing {
		d.find(bad, "keyset", "copy the newest keyset file to this host, from another host or from your copy", "it lacks key %d, which is in use: %s values are sealed with it", id, thousands(with[id]))
	}
	if len(missing) == 0 {
		d.find(good, "keyset", "", "opens the values in the database")
	}
}

// largestSkew is how far our clock may differ from an issuer's. Access tokens last 15
// minutes.
const largestSkew = time.Minute

// environment reports what a probe of an environment found.
func (d *doctor) environment(e servicetitan.Environment, p servicetitan.Probe) {
	about, prefix := string(e.Name), "SERVICETITAN_"+strings.ToUpper(string(e.Name))
	if bound, ok := errors.AsType[*servicetitan.Error](p.IssuerErr); ok && bound.Kind == servicetitan.Misconfigured {
		d.find(bad, about, "set "+prefix+"_AUTH_URL to exactly the issuer that the metadata names", "%v", p.IssuerErr)
	} else if p.IssuerErr != nil {
		d.find(bad, about, "check "+prefix+"_AUTH_URL, and that this machine can reach it", "%s: %v", e.AuthURL, p.IssuerErr)
	} else if p.Discovered {
		d.find(good, about, "", "%s answers with its metadata", e.AuthURL)
	} else {
		d.find(good, about, "", "%s answers; it has no metadata, so ServiceTitan's documented endpoints are used", e.AuthURL)
	}
	if p.IssuerErr == nil && p.PlainPKCE && e.Offers(servicetitan.SignIn) {
		d.find(note, about, "ask the issuer to support S256 code challenges", "the metadata does not announce S256; Fieldbridge uses it anyway")
	}
	if p.Skew > largestSkew || p.Skew < -largestSkew {
		d.find(bad, about, "synchronize this machine's clock with NTP", "this machine's clock is %s off the issuer's", p.Skew.Round(time.Second).Abs())
	}
	if p.APIErr != nil {
		d.find(bad, about, "check "+prefix+"_API_URL and "+prefix+"_APP_KEY, and that this machine can reach it", "%s: %v", e.APIURL, p.APIErr)
	} else {
		d.find(good, about, "", "%s answers", e.APIURL)
	}
}
