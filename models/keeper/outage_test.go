package keeper_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// tenants are connections of several companies with clients of their own, due at even
// times within an hour. answer gives the answer to the i-th client; nil for tokens.
func tenants(k *modeltest.Kept, companies, each int, answer func(i int) *http.Response) (ids []uuid.UUID) {
	k.Helper()
	number := map[string]int{}
	for c := range companies {
		if c > 0 {
			k.CompanyID = database.NewID()
			k.Write(func(tx *gorm.DB) error {
				return tx.Create(&accounts.Company{ID: k.CompanyID, Name: fmt.Sprint("Company ", c), CreatedAt: k.DB.Now()}).Error
			})
		}
		k.Owner()
		for range each {
			i := len(ids)
			number[modeltest.ClientNumber(i).ID] = i
			due := time.Now().Add(time.Hour * time.Duration(i) / time.Duration(companies*each))
			ids = append(ids, k.SeedClients(1, time.Now(), due, func(int) servicetitan.OwnClient { return modeltest.ClientNumber(i) })[0])
		}
	}
	spoil(k, func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		for _, pair := range strings.Split(string(body), "&") {
			if id, ok := strings.CutPrefix(pair, "client_id="); ok {
				if resp := answer(number[id]); resp != nil {
					return resp, nil
				}
			}
		}
		tokens := `{"access_token":"stc_access_` + database.NewID().String() + `","token_type":"Bearer","expires_in":900,"scope":"` + servicetitan.AccountScope + `"}`
		return respond(http.StatusOK, tokens), nil
	})
	return ids
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

func refused() *http.Response {
	return respond(http.StatusBadRequest, `{"error":"invalid_client"}`)
}

// mails counts the mails that tell somebody to reconnect.
func mails(k *modeltest.Kept) int {
	k.Helper()
	return k.Count("SELECT count(*) FROM mails WHERE kind = ?", models.MailReconnectNeeded)
}

// connectedAgain fails unless every connection works within five minutes.
func connectedAgain(k *modeltest.Kept, all int) {
	k.Helper()
	k.Pass(5 * time.Minute)
	if states := k.States(); states[models.Connected] != all {
		k.Errorf("five minutes after the outage: %v, want %d connected", states, all)
	}
}

// An hour in which ServiceTitan does not answer 30 or 100 % of the tenants sends no mail. A
// tenant that is refused meanwhile is told so. Five minutes later, all work again.
func TestAnHourOfOutage(t *testing.T) {
	for _, percent := range []int{30, 100} {
		t.Run(fmt.Sprint(percent, "%"), func(t *testing.T) {
			const companies, each, lost = 20, 10, 7
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				var down, revoked atomic.Bool
				ids := tenants(k, companies, each, func(i int) *http.Response {
					switch {
					case i == lost && revoked.Load():
						return refused()
					case down.Load() && i%10 >= 10-percent/10:
						return respond(http.StatusServiceUnavailable, "")
					}
					return nil
				})
				k.Start()
				k.Pass(time.Hour)
				down.Store(true)
				k.Pass(30 * time.Minute)
				if _, ok := k.Options.Outages.Current(servicetitan.Sandbox); !ok {
					t.Error("nobody saw the outage")
				}
				revoked.Store(percent < 100) // otherwise ServiceTitan does not say so
				k.Pass(30 * time.Minute)
				if percent < 100 {
					if n := k.Count("SELECT count(*) FROM connections WHERE id = ? AND state = ?", ids[lost], models.ReconnectNeeded); n != 1 {
						t.Error("the tenant that is refused is not told so")
					}
				}
				if n := k.Count("SELECT count(*) FROM mails WHERE connection_id <> ?", ids[lost]); n != 0 {
					t.Errorf("%d mails were queued", n)
				}
				down.Store(false)
				all := companies * each
				if percent < 100 {
					all--
				}
				connectedAgain(k, all)
				k.Pass(5 * time.Minute)
				if o, ok := k.Options.Outages.Current(servicetitan.Sandbox); ok {
					t.Errorf("the outage goes on: %+v", o)
				}
			})
		})
	}
}

// If ServiceTitan refuses many companies at once, nobody has to act. Connections that were
// given up before that was seen are put back, and no mail is sent.
func TestManyRefusalsAreAnOutage(t *testing.T) {
	const companies, each = 20, 10
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		var refuses atomic.Bool
		tenants(k, companies, each, func(int) *http.Response {
			if refuses.Load() {
				return refused()
			}
			return nil
		})
		k.Start()
		k.Pass(time.Hour)
		refuses.Store(true)
		k.Pass(20 * time.Minute)
		if states := k.States(); states[models.ReconnectNeeded] != 0 || states[models.Degraded] == 0 {
			t.Errorf("during the outage: %v", states)
		}
		if n := mails(k); n != 0 {
			t.Errorf("%d mails wait or were sent", n)
		}
		if n := k.Count("SELECT count(*) FROM events WHERE kind = ?", models.EventReconnectNeeded); n == 0 {
			t.Error("nothing was given up before the outage was seen, so nothing was put back")
		}
		refuses.Store(false)
		connectedAgain(k, companies*each)
	})
}

// After an outage, the connections that wait are tried within a few minutes, spread out.
func TestRecoveryIsSpreadOut(t *testing.T) {
	const all = 600
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		var down, counting atomic.Bool
		times := make(chan time.Time, 10_000)
		tenants(k, 3, all/3, func(int) *http.Response {
			if down.Load() {
				return respond(http.StatusServiceUnavailable, "")
			}
			if counting.Load() {
				times <- time.Now()
			}
			return nil
		})
		k.Start()
		k.Pass(time.Hour)
		down.Store(true)
		k.Pass(40 * time.Minute)
		waiting := k.States()[models.Degraded]
		down.Store(false)
		counting.Store(true)
		k.Pass(5 * time.Minute)
		perTenSeconds := map[time.Time]int{}
		n, most := len(times), 0
		for range n {
			at := (<-times).Truncate(10 * time.Second)
			perTenSeconds[at]++
			most = max(most, perTenSeconds[at])
		}
		t.Logf("%d of %d waited; %d were tried, at most %d in ten seconds", waiting, all, n, most)
		if n < waiting || most > n/3 {
			t.Errorf("%d were tried, %d of them within ten seconds", n, most)
		}
	}, func(_ *sandbox.Options, o *keeper.Options) { o.PerSecond = 10_000 })
}

// What follows an outage reads no large table whole, on both databases.
func TestStatementsAfterAnOutage(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		ids := k.Seed(3, db.Now(), db.Now().Add(time.Hour))
		later := db.Now().Add(time.Hour)
		k.Exec("UPDATE connections SET state = 'degraded', reason = 'unavailable', failures = 3, next_renewal_at = ? WHERE id = ?", later, ids[0])
		k.Exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused' WHERE id = ?", ids[1])
		o := outage.Outage{Environment: servicetitan.Sandbox, Endpoint: outage.Tokens, BeganAt: db.Now(), Kinds: outage.Kinds{servicetitan.GrantRefused: 1}}
		modeltest.Explains(t, db, "bring forward", func() { keeper.KeeperBringForward(k.Keeper, t.Context(), o) })
		modeltest.Explains(t, db, "put back", func() { keeper.KeeperPutBack(k.Keeper, t.Context(), o) })
		if next := k.Connection(ids[0]).NextRenewalAt; next == nil || !next.Before(later) {
			t.Errorf("the connection that waits is tried at %v", next)
		}
		if c := k.Connection(ids[1]); c.State != models.Degraded || c.Reason != models.ReasonUnavailable {
			t.Errorf("the connection that was refused is %s (%s)", c.State, c.Reason)
		}
		if n := k.Count("SELECT count(*) FROM credentials WHERE due_at < ?", later); n != 2 {
			t.Errorf("%d credentials are due within the hour, want 2", n)
		}
	})
}
