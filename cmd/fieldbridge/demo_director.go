package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// juniperRidge is the tenant of the company of the five-minute demo. No journey meets it.
const juniperRidge = 731406852

// errRunNotConnected says that the sandbox did not let the run connect.
var errRunNotConnected = errors.New("the demo's company could not be connected")

// director returns what gives the five-minute demo. The demo is filled in once the app is
// wired, before anybody can ask for it.
func director(d *demoApp) *handlers.Director {
	run := demoRun(newDemoPeople())
	var one sync.Mutex // two presenters do not mix their scenes
	return &handlers.Director{
		Run: run,
		Person: func(ctx context.Context, email string) (handlers.RunPerson, error) {
			p, err := d.data.Person(ctx, email)
			return handlers.RunPerson(p), err
		},
		Connection: d.ofRun,
		Arrange: func(ctx context.Context, scene handlers.Scene, from string) error {
			if err := d.data.TakeTurn(ctx, from); err != nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			if err := d.arrange(ctx, run, scene); err != nil {
				return fmt.Errorf("arrange %s: %w", scene, err)
			}
			return nil
		},
		Reset: func(ctx context.Context) error {
			one.Lock()
			defer one.Unlock()
			return d.begin(context.WithoutCancel(ctx), false)
		},
		Mails: func(email string) []string { return d.box.SubjectsTo(email) },
	}
}

// shows returns the word for the state of a tenant's connection, or an empty string if it
// has none.
func (d *demoApp) shows(ctx context.Context, tenantID int64) string {
	page, err := d.app.support.Browse(ctx, support.ConnectionFilter{Query: strconv.FormatInt(tenantID, 10)}, support.Cursor{})
	if err != nil {
		return "" // the page is about the sandbox, and does without
	}
	for _, listed := range page.Connections {
		if listed.TenantID == tenantID {
			return handlers.ShownState(listed.Connection)
		}
	}
	return ""
}

// scene is what arranging needs.
type scene struct {
	d          *demoApp
	owner      accounts.Visitor
	support    accounts.Staff
	connection models.Connection
}

// arrange makes a scene true, whatever was before. It does what a person would do on the
// pages, so that timelines and mails are real.
func (d *demoApp) arrange(ctx context.Context, run handlers.Run, to handlers.Scene) error {
	s := scene{d: d}
	person, err := d.data.Person(ctx, run.Owner.Email)
	if err != nil {
		return err
	}
	if s.owner, err = d.app.accounts.Visitor(ctx, person.UserID, person.CompanyID, person.Epoch); err != nil {
		return err
	}
	if person, err = d.data.Person(ctx, run.Support.Email); err != nil {
		return err
	}
	if s.support, err = d.app.accounts.Staff(ctx, person.UserID, person.Epoch); err != nil {
		return err
	}
	s.owner.SupportCode, s.support.SupportCode = models.NewSupportCode(), models.NewSupportCode()
	for _, p := range d.box.Faults() {
		if p.TenantID == juniperRidge {
			d.box.ClearFault(p.ID)
		}
	}
	if err := s.read(ctx); err != nil {
		return err
	}
	if to == handlers.SceneNothing {
		return s.disconnect(ctx)
	}
	if err := s.work(ctx); err != nil {
		return err
	}
	// It works already, as the other scenes want it.
	//exhaustive:ignore
	switch to {
	case handlers.SceneDown:
		if _, err := d.box.PlanFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.Everywhere, TenantID: juniperRidge}); err != nil {
			return err
		}
		return s.refresh(ctx)
	case handlers.SceneWithdrawn:
		if _, err := d.box.Do(sandbox.Withdraw, juniperRidge); err != nil {
			return err
		}
		return s.refresh(ctx)
	}
	return nil
}

// ofRun returns the connection of the run's company. It is the zero Connection if there is
// none.
func (d *demoApp) ofRun(ctx context.Context, companyID uuid.UUID) (models.Connection, error) {
	list, err := d.app.connections.Overview(ctx, companyID)
	if err != nil {
		return models.Connection{}, err
	}
	for _, listed := range list {
		if listed.TenantID == juniperRidge {
			return listed.Connection, nil
		}
	}
	return models.Connection{}, nil
}

// read reads the company's connection.
func (s *scene) read(ctx context.Context) (err error) {
	s.connection, err = s.d.ofRun(ctx, s.owner.CompanyID)
	return err
}

// refresh renews the access now, as support may.
func (s *scene) refresh(ctx context.Context) error {
	err := s.d.app.support.Refresh(ctx, s.support, s.connection.ID)
	if errors.Is(err, models.ErrReconnectNeeded) || errors.Is(err, models.ErrNotConnected) {
		return nil // a renewal by itself was faster
	}
	return err
}

func (s *scene) disconnect(ctx context.Context) error {
	if s.connection.ID == uuid.Nil || s.connection.State == models.Disconnected {
		return nil
	}
	return s.d.app.connections.Disconnect(ctx, s.owner, s.connection.ID)
}

// work makes the connection work: it waits for nobody if ServiceTitan was down, and
// otherwise connects as the owner would.
func (s *scene) work(ctx context.Context) error {
	// In every other state, the owner connects.
	//exhaustive:ignore
	switch s.connection.State {
	case models.Connected:
		return nil
	case models.Degraded:
		if err := s.refresh(ctx); err != nil {
			return err
		}
		if err := s.read(ctx); err != nil || s.connection.State == models.Connected {
			return err
		}
		return handlers.ErrSandboxSilent
	}
	binding := secret.New(rand.Text())
	address, err := s.d.app.connections.Begin(ctx, s.owner, binding, models.Choice{
		Environment: servicetitan.Sandbox, Way: servicetitan.SignIn, TenantID: juniperRidge, ConnectionID: s.connection.ID,
	})
	if err != nil {
		return silent(err)
	}
	back, err := s.d.box.Consent(ctx, address, juniperRidge)
	if err != nil {
		return err
	}
	to, err := url.Parse(back)
	if err != nil {
		return fmt.Errorf("read callback: %w", err)
	}
	q := to.Query()
	result, err := s.d.app.connections.Complete(ctx, s.owner, binding, connect.CallbackQuery{
		State: secret.New(q.Get("state")), Code: secret.New(q.Get("code")), Issuer: q.Get("iss"), HasIssuer: q.Has("iss"),
	})
	if err != nil {
		return silent(err)
	}
	if result.Outcome != models.OutcomeConnected {
		return silent(fmt.Errorf("%w: %s", errRunNotConnected, result.Outcome))
	}
	return s.read(ctx)
}

// silent adds to an error of connecting that the sandbox does not answer. The database and
// whoever gives up are not the sandbox.
func silent(err error) error {
	if database.Unavailable(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", handlers.ErrSandboxSilent, err)
}
