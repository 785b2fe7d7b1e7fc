package connect_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// rotation is a connection with a client of the tenant's own, whose secret is about to
// be replaced.
type rotation struct {
	*modeltest.Kept
	connections *connect.Connections
	id          uuid.UUID
	// fresh is the new secret, which works in ServiceTitan beside the old one.
	fresh secret.Value
}

func newRotation(t *testing.T, db *database.DB, clock *modeltest.Clock) rotation {
	t.Helper()
	k := modeltest.NewKept(t, db, clock.Now)
	t.Cleanup(k.Sandbox.Release)
	now := clock.Now()
	id := k.SeedOwn(1, now, now.Add(10*time.Minute))[0]
	k.Exec("UPDATE connections SET tenant_id = ?, secret_at = ? WHERE id = ?", modeltest.Northgate, now.UTC().Truncate(time.Microsecond), id)
	return rotation{Kept: k, connections: k.Connections(), id: id, fresh: newSecret(t, k, 2)}
}

// newSecret makes a secret in one of the client's slots.
func newSecret(t *testing.T, k *modeltest.Kept, slot int) secret.Value {
	t.Helper()
	_, value, err := k.Sandbox.Generate(modeltest.Northgate, slot)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(value)
}

// replace enters a secret as the owner who has just loaded the page.
func (r rotation) replace(value secret.Value) (models.Result, error) {
	r.Helper()
	client := r.client()
	return r.connections.ReplaceSecret(r.Context(), r.Owner().Actor(), client, connect.NewSecret{Value: value, InsteadOf: *client.Connection.SecretAt})
}

func (r rotation) client() connect.ClientView {
	r.Helper()
	client, err := r.connections.Client(r.Context(), r.CompanyID, r.id, models.OwnCredentialsWay)
	if err != nil {
		r.Fatal(err)
	}
	return client
}

// uses requires that the connection works, and that the new secret alone keeps it so.
func (r rotation) uses(clock *modeltest.Clock) {
	r.Helper()
	if err := r.Sandbox.DeleteSecret(modeltest.Northgate, 1); err != nil {
		r.Fatal(err)
	}
	clock.Add(20 * time.Minute)
	if _, err := r.Keeper.AccessNow(r.Context(), r.CompanyID, r.id); err != nil {
		r.Fatalf("renew with the new secret: %v", err)
	}
	if c := r.Connection(r.id); c.State != models.Connected || c.Reason != models.ReasonNone {
		r.Errorf("it is %s for %q", c.State, c.Reason)
	}
	// A new secret is tried while a renewal is under way, which does no harm to a client
	// that has no refresh token.
	r.Invariants("I2")
}

// A new secret is tried, and then used. The old one serves until then.
func TestReplaceSecret(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := newRotation(t, db, clock)
		before := r.Connection(r.id)
		clock.Add(time.Minute)
		result, err := r.replace(r.fresh)
		if err != nil || result.Outcome != models.OutcomeConnected {
			t.Fatalf("%+v, %v", result, err)
		}
		after := r.Connection(r.id)
		if !after.SecretAt.After(*before.SecretAt) || after.OldSecret != models.FirstSecret || !after.ConnectedAt.Equal(before.ConnectedAt) ||
			after.Generation != before.Generation+1 {
			t.Errorf("it is %+v", after)
		}
		if n := r.Count("SELECT count(*) FROM events WHERE kind = 'secret_replaced' AND actor_name = 'Amy'"); n != 1 {
			t.Errorf("%d events", n)
		}
		if n := r.Count("SELECT count(*) FROM mails"); n != 0 {
			t.Errorf("%d mails", n)
		}
		owner, stranger := r.Owner(), accounts.Actor{UserID: database.NewID(), Name: "Eve"}
		if err := r.connections.OldSecretDeleted(t.Context(), stranger, r.CompanyID, r.id); !errors.Is(err, accounts.ErrNoMembership) {
			t.Errorf("somebody who has left the company: %v", err)
		}
		for range 2 { // pressing the button twice changes nothing more
			if err := r.connections.OldSecretDeleted(t.Context(), owner.Actor(), r.CompanyID, r.id); err != nil {
				t.Fatal(err)
			}
		}
		if c := r.Connection(r.id); c.OldSecret != models.NoSecret || r.Count("SELECT count(*) FROM events WHERE kind = 'secret_deleted'") != 1 {
			t.Errorf("the old secret is %q", c.OldSecret)
		}
		r.uses(clock)
	})
}

// A secret that does not work changes nothing, and says why.
func TestSecretThatDoesNotWork(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		tests := map[string]struct {
			value func(r rotation) secret.Value
			fault sandbox.Fault
			want  models.Outcome
		}{
			"of nobody":   {value: func(rotation) secret.Value { return secret.New("cs2.stc_wrong") }, want: models.OutcomeClientRefused},
			"no answer":   {fault: sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathToken}, want: models.OutcomeUnavailable},
			"not allowed": {fault: sandbox.Fault{Kind: sandbox.Status403}, want: models.OutcomeNotAllowed},
			"too many":    {fault: sandbox.Fault{Kind: sandbox.Status429, Path: sandbox.PathToken, RetryAfter: time.Minute}, want: models.OutcomeRateLimited},
		}
		r := newRotation(t, db, clock)
		for name, tt := range tests {
			before := r.Connection(r.id)
			value := r.fresh
			if tt.value != nil {
				value = tt.value(r)
			} else {
				r.Sandbox.SetFault(tt.fault)
			}
			result, err := r.replace(value)
			r.Sandbox.ClearFaults()
			if err != nil || result.Outcome != tt.want {
				t.Errorf("%s: %+v, %v, want %s", name, result, err, tt.want)
			}
			if after := r.Connection(r.id); after.Generation != before.Generation || !after.SecretAt.Equal(*before.SecretAt) || after.State != models.Connected {
				t.Errorf("%s: it is %+v", name, after)
			}
			if n := r.Count("SELECT count(*) FROM events WHERE kind = 'secret_failed' AND outcome = ?", tt.want); n != 1 {
				t.Errorf("%s: %d events", name, n)
			}
		}
		if strings.Contains(r.Logged.String(), r.fresh.Reveal()) || strings.Contains(r.Logged.String(), "stc_wrong") {
			t.Error("a secret is in the log")
		}
	})
}

// Only the company's own client can get a new secret, and only from somebody who may.
func TestSecretOfNobodyElse(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := newRotation(t, db, clock)
		signIn := r.Seed(1, clock.Now(), clock.Now())[0]
		for name, of := range map[string]struct {
			company, id uuid.UUID
			way         models.Way
		}{
			"another company": {database.NewID(), r.id, models.OwnCredentialsWay}, "staff's": {r.CompanyID, r.id, models.GuidedWay},
			"sign-in": {r.CompanyID, signIn, models.SignInWay}, "unknown": {r.CompanyID, database.NewID(), models.OwnCredentialsWay},
		} {
			if _, err := r.connections.Client(t.Context(), of.company, of.id, of.way); !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		client := r.client()
		stranger := accounts.Actor{UserID: database.NewID(), Name: "Eve"}
		result, err := r.connections.ReplaceSecret(t.Context(), stranger, client, connect.NewSecret{Value: r.fresh})
		if err != nil || result.Outcome != models.OutcomeNoMembership {
			t.Errorf("a stranger: %+v, %v", result, err)
		}
		r.Disconnect(r.id)
		if _, err := r.connections.Client(t.Context(), r.CompanyID, r.id, models.OwnCredentialsWay); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a connection that has ended: %v", err)
		}
		if _, err := r.connections.ReplaceSecret(t.Context(), r.Owner().Actor(), client, connect.NewSecret{Value: r.fresh}); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a connection that ended meanwhile: %v", err)
		}
		if c := r.Connection(r.id); c.SecretAt != nil || c.OldSecret != models.NoSecret || c.State != models.Disconnected {
			t.Errorf("it is %+v", c)
		}
	})
}

// The form may be sent twice, at once or later. The old secret is not a new one.
func TestSecretTwice(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := newRotation(t, db, clock)
		clock.Add(time.Minute)
		client, owner := r.client(), r.Owner()
		entered := connect.NewSecret{Value: r.fresh, InsteadOf: *client.Connection.SecretAt}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				result, err := r.connections.ReplaceSecret(r.Context(), owner.Actor(), client, entered)
				if err != nil || result.Outcome != models.OutcomeConnected {
					t.Errorf("%+v, %v", result, err)
				}
			})
		}
		all.Wait()
		// The browser's back button shows the form as it was.
		clock.Add(time.Hour)
		if result, err := r.connections.ReplaceSecret(t.Context(), owner.Actor(), r.client(), entered); err != nil || result.Outcome != models.OutcomeConnected {
			t.Errorf("again: %+v, %v", result, err)
		}
		if n := r.Count("SELECT count(*) FROM events WHERE kind = 'secret_replaced'"); n != 1 {
			t.Errorf("%d events, want one", n)
		}
		if _, err := r.replace(r.fresh); !errors.Is(err, connect.ErrSecretInUse) {
			t.Errorf("the secret in use: %v", err)
		}
		r.uses(clock)
	})
}

// A renewal with the old secret that is under way does not undo the replacement, whether
// ServiceTitan grants or refuses it.
func TestRenewalDuringReplacement(t *testing.T) {
	for name, refused := range map[string]bool{"granted": false, "refused": true} {
		modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
			r := newRotation(t, db, clock)
			clock.Add(20 * time.Minute) // the access has expired
			if refused {
				if err := r.Sandbox.DeleteSecret(modeltest.Northgate, 1); err != nil {
					t.Fatal(err)
				}
			}
			r.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold, Times: 1})
			renewed := make(chan error, 1)
			go func() {
				_, err := r.Keeper.AccessNow(context.WithoutCancel(t.Context()), r.CompanyID, r.id)
				renewed <- err
			}()
			<-r.Sandbox.Held()
			if result, err := r.replace(r.fresh); err != nil || result.Outcome != models.OutcomeConnected {
				t.Fatalf("%s: %+v, %v", name, result, err)
			}
			replaced := r.Connection(r.id)
			r.Sandbox.Release()
			if err := <-renewed; err != nil { // it gets the access of the new secret
				t.Errorf("%s: the renewal: %v", name, err)
			}
			if c := r.Connection(r.id); c.Generation != replaced.Generation || c.State != models.Connected {
				t.Errorf("%s: it is %s in generation %d, want %d", name, c.State, c.Generation, replaced.Generation)
			}
			r.uses(clock)
		})
	}
}

// A renewal that ends while the new secret is tried is not lost, and the new secret
// comes after it.
func TestReplacementDuringRenewal(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := newRotation(t, db, clock)
		clock.Add(20 * time.Minute)
		r.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold, Times: 1})
		type ended struct {
			models.Result
			err error
		}
		replaced := make(chan ended, 1)
		go func() {
			result, err := r.replace(r.fresh)
			replaced <- ended{result, err}
		}()
		<-r.Sandbox.Held()
		before, err := r.Keeper.AccessNow(t.Context(), r.CompanyID, r.id)
		if err != nil {
			t.Fatal(err)
		}
		r.Sandbox.Release()
		if end := <-replaced; end.err != nil || end.Outcome != models.OutcomeConnected {
			t.Fatalf("%+v", end)
		}
		if c := r.Connection(r.id); c.Generation != before.Generation+1 {
			t.Errorf("generation %d, want the one after %d", c.Generation, before.Generation)
		}
		r.uses(clock)
	})
}

// A connection whose secret ServiceTitan refuses works again with a new one. Its owners
// and back ends are told so.
func TestNewSecretBringsBack(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := newRotation(t, db, clock)
		if err := r.Sandbox.DeleteSecret(modeltest.Northgate, 1); err != nil {
			t.Fatal(err)
		}
		clock.Add(20 * time.Minute)
		if _, err := r.Keeper.AccessNow(t.Context(), r.CompanyID, r.id); !errors.Is(err, models.ErrReconnectNeeded) {
			t.Fatalf("it is not refused: %v", err)
		}
		if result, err := r.replace(r.fresh); err != nil || result.Outcome != models.OutcomeConnected {
			t.Fatalf("%+v, %v", result, err)
		}
		if c := r.Connection(r.id); c.State != models.Connected || c.FailingSince != nil || c.OldSecret != models.NoSecret {
			t.Errorf("it is %+v", c)
		}
		r.uses(clock)
	})
}

// Trying secrets is limited, so that nobody guesses them through us.
func TestSecretsAreLimited(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		r := newRotation(t, db, clock)
		asked := r.TokenRequests()
		var err error
		for range 21 {
			_, err = r.replace(secret.New("cs2.stc_wrong"))
		}
		if _, throttled := errors.AsType[*accounts.ThrottledError](err); !throttled {
			t.Errorf("the 21st: %v", err)
		}
		if n := r.TokenRequests() - asked; n != 20 {
			t.Errorf("%d were tried, want 20", n)
		}
	})
}
