package connect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// refused returns a connection that ServiceTitan refuses because the app is disabled.
func refused(d *modeltest.SupportTest) uuid.UUID {
	d.Helper()
	id := d.Connect(modeltest.Northgate)
	if _, err := d.Sandbox.DisableSilently(modeltest.Northgate); err != nil {
		d.Fatal(err)
	}
	d.Must(d.Connections.Test(d.Context(), d.Owner(), id))
	if c := d.Connection(id); c.State != models.ReconnectNeeded || c.Reason != models.ReasonNotAllowed || d.Check(id).DueAt != nil {
		d.Fatalf("it is %s for %q, and checked at %v", c.State, c.Reason, d.Check(id).DueAt)
	}
	return id
}

// Once the app is allowed again, the stored client ID and secret connect again, and owners
// hear of it. Until then, trying changes nothing but what the page says of the last test.
func TestTryAgain(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, amy := refused(d), d.Owner()
		d.Exec("UPDATE mails SET sent_at = ? WHERE connection_id = ?", d.DB.Now(), id)
		d.Must(d.Connections.TryAgain(t.Context(), amy, id))
		if c := d.Connection(id); c.State != models.ReconnectNeeded || c.Reason != models.ReasonNotAllowed || c.TestPassed || c.TestedAt == nil {
			t.Errorf("while it is disabled: %s for %q", c.State, c.Reason)
		}
		d.Sandbox.RestoreAll(modeltest.Northgate)
		before := d.Connection(id)
		d.Must(d.Connections.TryAgain(t.Context(), amy, id))
		c, row := d.Connection(id), d.Check(id)
		if c.State != models.Connected || c.Reason != models.ReasonNone || !c.TestPassed || c.Generation <= before.Generation || !c.ConnectedAt.Equal(before.ConnectedAt) {
			t.Errorf("once it is allowed: %+v", c)
		}
		if row.DueAt == nil || row.AnsweredAt == nil {
			t.Errorf("its checks do not go on: %+v", row)
		}
		if n := d.Count("SELECT count(*) FROM mails WHERE kind = ?", models.MailWorksAgain); n != 1 {
			t.Errorf("%d mails say that it works again", n)
		}
		if _, err := d.Keeper.AccessToken(t.Context(), d.CompanyID, id); err != nil {
			t.Errorf("it has no access: %v", err)
		}
		// Trying once more does nothing.
		asked := d.Sandbox.Count(sandbox.PathToken)
		d.Must(d.Connections.TryAgain(t.Context(), amy, id))
		if n := d.Sandbox.Count(sandbox.PathToken); n != asked {
			t.Error("a connection that works was tried again")
		}
	})
}

// If the client was deleted meanwhile, the reason becomes the one for which reconnecting
// helps.
func TestTryAgainWithADeletedClient(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, amy := refused(d), d.Owner()
		if err := d.Sandbox.DeleteSecret(modeltest.Northgate, 1); err != nil {
			t.Fatal(err)
		}
		d.Must(d.Connections.TryAgain(t.Context(), amy, id))
		if c := d.Connection(id); c.State != models.ReconnectNeeded || c.Reason != models.ReasonClientRefused || c.MayWorkAgain() {
			t.Errorf("it is %s for %q", c.State, c.Reason)
		}
	})
}

// Nobody can try again all the time, or another company's connection.
func TestTryAgainIsLimited(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, amy := refused(d), d.Owner()
		d.Clock.Add(time.Minute)
		var throttled *accounts.ThrottledError
		for range 6 {
			if err := d.Connections.TryAgain(t.Context(), amy, id); err != nil && !errors.As(err, &throttled) {
				t.Fatal(err)
			}
		}
		if throttled == nil {
			t.Error("it was tried six times in a minute")
		}
		stranger := amy
		stranger.CompanyID = uuid.New()
		if err := d.Connections.TryAgain(t.Context(), stranger, id); err == nil {
			t.Error("another company tried it")
		}
	})
}
