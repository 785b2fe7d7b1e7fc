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
	// ErrNotDemo says that a database holds something else than a demo, which is
	// never deleted or added to.
	ErrNotDemo = errors.New("the database holds accounts, companies or API keys that are no demo's")
	// ErrDemoData says that a database is a demo's.
	ErrDemoData = errors.New("the database holds a demo, which runs with a stand-in for ServiceTitan (FIELDBRIDGE_SANDBOX_ADDR) and nowhere else")
)

// demoMark says that all that is in a database is made up.
type demoMark struct {
	ID      int `gorm:"primaryKey"`
	BegunAt time.Time
}

// TableName is singular: there is one.
func (demoMark) TableName() string { return "demo" }

// Options is what a demo is made of.
type Options struct {
	Environment servicetitan.EnvironmentName
	// Scopes are those that are asked for.
	Scopes    []string
	Companies []SampleCompany
	// Staff has who set connections up and wrote notes first.
	Staff []SampleStaff
	// Password is everybody's.
	Password secret.Value
	// TokenLife is how long the stand-in's access tokens live.
	TokenLife time.Duration
	// Access asks the stand-in for the access that a connection has, and lets it
	// be as the connection says. What is zero is not there.
	Access func(StandingAccess) (servicetitan.Tokens, servicetitan.OwnClient, error)
	// Forget lets the stand-in begin again.
	Forget func()
	// Progress is told how much is done of all there is to do; nil for nobody.
	Progress func(done, all int)
}

// StandingAccess is a connection as the stand-in has to know it.
type StandingAccess struct {
	TenantID      int64
	Way           servicetitan.Way
	State         models.State
	Reason        models.Reason
	UpgradeNeeded bool
	// Step is what a set-up that is under way is at.
	Step models.SetupStep
}

// Demo fills a database with made-up companies. The stand-in for ServiceTitan
// forgets everything when it stops, so there is one demo for a database, in one
// process.
type Demo struct {
	db       *database.DB
	accounts *accounts.Accounts
	keeper   *keeper.Keeper
	log      *slog.Logger
	options  Options
	// beginning lets one beginning end before the next.
	beginning sync.Mutex
	// unfinished says that the last beginning failed on its way.
	unfinished bool
}

// New returns the demo of a database.
func New(db *database.DB, accounts *accounts.Accounts, keeper *keeper.Keeper, o Options, log *slog.Logger) *Demo {
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	return &Demo{db: db, accounts: accounts, keeper: keeper, log: log, options: o}
}

// Begin fills an empty database, or goes on with a demo that is there, whose
// connections are given new access. A database with anything else in it is
// ErrNotDemo.
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

// steps are how far a beginning is.
type steps struct {
	done, all int
	tell      func(done, all int)
}

func (s *steps) step() {
	s.done++
	s.tell(s.done, s.all)
}

// Reset deletes all that is in the database and begins again. Whoever is signed
// in is signed out.
func (d *Demo) Reset(ctx context.Context) error {
	if err := d.begin(ctx, true); err != nil {
		return fmt.Errorf("reset demo: %w", err)
	}
	return nil
}

// ResetDaily is Reset if the demo was begun before the last time that it was
// this long after midnight (UTC), or if the last beginning failed.
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

// Begun is when the demo that is in the database was begun; zero if it is
// empty.
func (d *Demo) Begun(ctx context.Context) (time.Time, error) {
	return begunOrEmpty(d.db.Read(ctx))
}

// begunOrEmpty is ErrNotDemo if something else is in the database: people,
// companies, or a key for programs, which may be the first thing that is made. An
// older schema, or none, may lack a table.
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
			return time.Time{}, fmt.Errorf("look for what is no demo's: %w", err)
		}
		if others > 0 {
			return time.Time{}, ErrNotDemo
		}
	}
	return time.Time{}, nil
}

// CheckNone returns ErrDemoData if the database is a demo's.
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
