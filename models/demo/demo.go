package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

var (
	// ErrNotDemo says that a database contains something other than a demo. A demo
	// never deletes such data or adds to it.
	ErrNotDemo = errors.New("the database holds accounts, companies or API keys that are no demo's")
	// ErrDemoData says that a database contains a demo.
	ErrDemoData = errors.New("the database holds a demo, which runs only with the sandbox (FIELDBRIDGE_SANDBOX_ADDR)")
)

// demoMark says that everything in a database is made up.
type demoMark struct {
	ID      int `gorm:"primaryKey"`
	BegunAt time.Time
}

// TableName returns a singular name, because the table has one row.
func (demoMark) TableName() string { return "demo" }

// Options configure a demo.
type Options struct {
	Environment servicetitan.EnvironmentName
	// Scopes are the scopes to request.
	Scopes    []string
	Companies []SampleCompany
	// Staff has the person who set up connections and wrote notes first.
	Staff []SampleStaff
	// Password is everybody's.
	Password secret.Value
	// TokenLife is how long the sandbox's access tokens live.
	TokenLife time.Duration
	// Access puts the sandbox into the state of a connection, and returns the access
	// that the connection has. Both results are zero if it has none.
	Access func(StandingAccess) (servicetitan.Tokens, servicetitan.OwnClient, error)
	// Forget resets the sandbox.
	Forget func()
	// Progress is called with the steps done and their total. It may be nil.
	Progress func(done, all int)
}

// StandingAccess describes a connection to the sandbox.
type StandingAccess struct {
	TenantID      int64
	Way           servicetitan.Way
	State         models.State
	Reason        models.Reason
	UpgradeNeeded bool
	// Step is the step of a setup that is under way.
	Step models.SetupStep
}

// Demo fills a database with made-up companies. The sandbox forgets everything when it
// stops, so a database has one demo, in one process.
type Demo struct {
	db       *database.DB
	accounts *accounts.Accounts
	keeper   *keeper.Keeper
	log      *slog.Logger
	options  Options
	// beginning makes one beginning wait for another.
	beginning sync.Mutex
	// unfinished says that the last beginning failed.
	unfinished bool
}

// New returns the demo of a database.
func New(db *database.DB, accounts *accounts.Accounts, keeper *keeper.Keeper, o Options, log *slog.Logger) *Demo {
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	return &Demo{db: db, accounts: accounts, keeper: keeper, log: log, options: o}
}

// Begin fills an empty database, or continues the demo in it and gives its connections
// new access. If the database contains anything else, Begin returns ErrNotDemo.
func (d *Demo) Begin(ctx context.Context) error {
	if err := d.begin(ctx, false); err != nil {
		return fmt.Errorf("begin demo: %w", err)
	}
	return nil
}

// begin fills the database if it is empty or afresh is set, and gives access.
func (d *Demo) begin(ctx context.Context, afresh bool) error {
	d.beginning.Lock()
	defer d.beginning.Unlock()
	begun, err := d.Begun(ctx)
	if err != nil {
		return err
	}
	d.unfinished = true
	way := steps{tell: d.options.Progress}
	if afresh || begun.IsZero() {
		if err := d.seed(ctx, &way); err != nil {
			return err
		}
	}
	if afresh && !begun.IsZero() {
		d.options.Forget()
	}
	d.keeper.StartOver()
	if err := d.giveAccess(ctx, &way); err != nil {
		return err
	}
	d.unfinished = false
	return nil
}

// steps is the progress of a beginning.
type steps struct {
	done, all int
	tell      func(done, all int)
}

func (s *steps) step() {
	s.done++
	s.tell(s.done, s.all)
}

// Reset deletes everything in the database and begins again. It signs everybody out.
func (d *Demo) Reset(ctx context.Context) error {
	if err := d.begin(ctx, true); err != nil {
		return fmt.Errorf("reset demo: %w", err)
	}
	return nil
}

// ResetDaily resets the demo at a time of day, given as the time after midnight in UTC.
// It does so if the demo began before the last such time, or if the last beginning
// failed. done says whether it tried to reset.
func (d *Demo) ResetDaily(ctx context.Context, after time.Duration) (done bool, err error) {
	begun, err := d.Begun(ctx)
	if err != nil {
		return false, err
	}
	d.beginning.Lock()
	again := d.unfinished
	d.beginning.Unlock()
	now := d.db.Now()
	last := now.Truncate(24 * time.Hour).Add(after)
	if last.After(now) {
		last = last.Add(-24 * time.Hour)
	}
	if !again && !begun.Before(last) {
		return false, nil
	}
	return true, d.Reset(ctx)
}

// Begun returns when the demo in the database began. It returns zero if the database is
// empty, and ErrNotDemo if it contains anything else.
func (d *Demo) Begun(ctx context.Context) (time.Time, error) {
	return begunOrEmpty(d.db.Read(ctx))
}

// begunOrEmpty returns when the demo began, or zero if the database is empty. It returns
// ErrNotDemo if there are users, companies, or API keys, any of which may be the first
// thing made. An older schema, or none, may lack a table.
func begunOrEmpty(db *gorm.DB) (time.Time, error) {
	if begun, err := demoBegun(db); err != nil || !begun.IsZero() {
		return begun, err
	}
	for _, table := range []string{"users", "companies", "api_keys"} {
		if !db.Migrator().HasTable(table) {
			continue
		}
		var others int64
		if err := db.Raw("SELECT count(*) FROM (SELECT 1 FROM " + table + " LIMIT 1) AS found").Scan(&others).Error; err != nil {
			return time.Time{}, fmt.Errorf("look for real data: %w", err)
		}
		if others > 0 {
			return time.Time{}, ErrNotDemo
		}
	}
	return time.Time{}, nil
}

// CheckNone returns ErrDemoData if the database contains a demo.
func CheckNone(ctx context.Context, db *database.DB) error {
	begun, err := demoBegun(db.Read(ctx))
	if err == nil && !begun.IsZero() {
		err = ErrDemoData
	}
	return err
}

func demoBegun(db *gorm.DB) (time.Time, error) {
	if !db.Migrator().HasTable(&demoMark{}) {
		return time.Time{}, nil // the schema is older than demos, or there is none
	}
	var marks []demoMark
	if err := db.Limit(1).Find(&marks).Error; err != nil {
		return time.Time{}, fmt.Errorf("look for a demo: %w", err)
	}
	if len(marks) == 0 {
		return time.Time{}, nil
	}
	return marks[0].BegunAt, nil
}
