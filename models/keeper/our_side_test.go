package keeper_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// openOurSide counts the open tasks about problems on our side.
func openOurSide(k *modeltest.Kept) int {
	return k.Count("SELECT count(*) FROM staff_tasks WHERE kind = 'our_side' AND done_at IS NULL")
}

// alarms counts the log lines at error level.
func alarms(k *modeltest.Kept) int { return strings.Count(k.Logged.String(), "level=ERROR") }

func tokenError(code string) sandbox.Fault {
	return sandbox.Fault{
		Kind: sandbox.CustomToken, Status: http.StatusBadRequest, ContentType: "application/json", Body: `{"error":"` + code + `"}`, Path: sandbox.PathToken,
	}
}

// foreignMetadata answers discovery with metadata that names another issuer.
func foreignMetadata(r *http.Request) *http.Response {
	if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return nil
	}
	body := `{"issuer":"https://elsewhere.example","authorization_endpoint":"https://elsewhere.example/a","token_endpoint":"https://elsewhere.example/t"}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// If a renewal with a company's own client fails because of our request or our configuration,
// that is our incident: one alarm and one task, failures that are stored and counted,
// attempts that back off, and no mail to the company.
func TestOwnClientFailsOnOurSide(t *testing.T) {
	for _, cause := range []string{"invalid_scope", "invalid_request", "unsupported_grant_type", "misconfigured"} {
		t.Run(cause, func(t *testing.T) {
			var outcomes atomic.Int64
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				k.Person("Amy", accounts.Owner)
				id := k.SeedOwn(1, time.Now(), time.Now())[0]
				var bad atomic.Bool
				bad.Store(true)
				if cause == "misconfigured" {
					(*k.Keeper.ClientsField()) = k.ClientsThrough(modeltest.Instead{Next: modeltest.Memory{Handler: k.Sandbox}, Answer: func(r *http.Request) *http.Response {
						if bad.Load() {
							return foreignMetadata(r)
						}
						return nil
					}}, time.Now)
				} else {
					k.Sandbox.SetFault(tokenError(cause))
				}
				k.Start()
				k.Pass(20 * time.Minute)
				c := k.Connection(id)
				if c.State != models.Degraded || c.Reason != "our_side" || c.FailingSince == nil {
					t.Errorf("the connection is %s (%q) since %v", c.State, c.Reason, c.FailingSince)
				}
				if c.Failures < 5 || c.NextRenewalAt == nil || c.NextRenewalAt.Before(time.Now()) || time.Until(*c.NextRenewalAt) > keeper.LongestRetry+10*time.Second {
					t.Errorf("%d failures, next try %v", c.Failures, c.NextRenewalAt)
				}
				if n := k.Count("SELECT coalesce(sum(failed), 0) FROM renewal_days"); n != c.Failures {
					t.Errorf("%d failed renewals are counted, want %d", n, c.Failures)
				}
				if outcomes.Load() == 0 {
					t.Error("the metrics do not name the outcome our_side")
				}
				if n := openOurSide(k); n != 1 {
					t.Errorf("%d open tasks, want 1", n)
				}
				if n := alarms(k); n != 1 {
					t.Errorf("%d alarms, want 1:\n%s", n, k.Logged)
				}
				if _, err := k.Keeper.AccessToken(k.Context(), k.CompanyID, id); !isOurSide(err) || !errors.Is(err, database.ErrUnavailable) {
					t.Errorf("asked for access, the keeper says %v", err)
				}
				if n := k.Count("SELECT count(*) FROM mails"); n != 0 {
					t.Errorf("%d mails ask the company for something", n)
				}
				bad.Store(false)
				k.Sandbox.ClearFaults()
				k.Pass(keeper.LongestRetry + time.Minute)
				if c = k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonNone || c.Failures != 0 {
					t.Errorf("afterwards the connection is %s (%s) with %d failures", c.State, c.Reason, c.Failures)
				}
				if n := openOurSide(k); n != 0 {
					t.Errorf("%d tasks are open after the recovery", n)
				}
				if n := k.Count("SELECT count(*) FROM mails"); n != 0 {
					t.Errorf("%d mails after the recovery", n)
				}
				// The next incident is a new one.
				k.Sandbox.SetFault(tokenError("invalid_scope"))
				k.Pass(90 * time.Minute)
				if n := openOurSide(k); n != 1 {
					t.Errorf("%d open tasks in the second incident, want 1", n)
				}
				if n := alarms(k); n != 2 {
					t.Errorf("%d alarms after two incidents", n)
				}
			}, func(_ *sandbox.Options, o *keeper.Options) {
				o.Watch.Renewed = func(_ servicetitan.EnvironmentName, outcome string, _ time.Duration) {
					if outcome == "our_side" {
						outcomes.Add(1)
					}
				}
			})
		})
	}
}

// A refusal of the app's own registration is an incident for the operator: one alarm, a request
// from time to time, and no change of any connection's state. Connections whose access
// expires in the meantime say why they cannot be used.
func TestAppRegistrationRefused(t *testing.T) {
	for _, cause := range []string{"invalid_client", "unauthorized_client", "invalid_scope"} {
		t.Run(cause, func(t *testing.T) {
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				k.Person("Amy", accounts.Owner)
				ids := k.Seed(20, time.Now(), time.Now())
				// An outage comes first: its failures must not hide the alarm.
				k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathToken})
				k.Start()
				k.Pass(time.Minute)
				k.Sandbox.ClearFaults()
				k.Sandbox.SetFault(tokenError(cause))
				asked := k.TokenRequests()
				k.Pass(20 * time.Minute)
				if n := alarms(k); n != 1 || !strings.Contains(k.Logged.String(), "does not accept our registration") {
					t.Errorf("%d alarms, want 1:\n%s", n, k.Logged)
				}
				if n := k.TokenRequests() - asked; n < 10 || n > 60 {
					t.Errorf("%d token requests in 20 minutes of an open breaker", n)
				}
				events := k.Count("SELECT count(*) FROM events")
				for _, id := range ids {
					c := k.Connection(id)
					if c.Reason != models.ReasonOurSide || c.FailingSince == nil || c.NextRenewalAt == nil || time.Since(*c.NextRenewalAt) > 2*keeper.LongestRest {
						t.Errorf("access has lapsed, and the connection is %s (%q) since %v, tried again at %v", c.State, c.Reason, c.FailingSince, c.NextRenewalAt)
					}
				}
				_, err := k.Keeper.AccessToken(k.Context(), k.CompanyID, ids[0])
				e, ok := errors.AsType[*models.ReasonError](err)
				if !ok || e.Reason != models.ReasonOurSide || !errors.Is(err, database.ErrUnavailable) || !e.RetryAt.After(time.Now()) {
					t.Errorf("asked for access, the keeper says %v", err)
				}
				if openOurSide(k) != 0 || k.Count("SELECT count(*) FROM mails") != 0 {
					t.Error("companies or their tasks have a part in it")
				}
				k.Pass(time.Hour)
				if n := k.Count("SELECT count(*) FROM events"); n != events {
					t.Errorf("%d events, want %d", n, events)
				}
				k.Sandbox.ClearFaults()
				k.Pass(keeper.LongestRetry + 2*time.Minute)
				for _, id := range ids {
					if c := k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonNone || c.Failures != 0 || c.FailingSince != nil {
						t.Errorf("afterwards the connection is %s (%q), %d failures since %v", c.State, c.Reason, c.Failures, c.FailingSince)
					}
				}
			})
		})
	}
}

// While access is valid, a refused registration changes nothing about a connection. When the
// access expires, the state stays the same and the connection has the reason.
func TestAppRegistrationRefusedChangesNoState(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		ids := k.Seed(20, time.Now(), time.Now())
		// Each has a client of its own: requests of one client at the same time would be a breach.
		own := k.SeedClients(3, time.Now(), time.Now(), modeltest.ClientNumber)
		spoil(k, func(r *http.Request) (*http.Response, error) {
			if formOf(r).Get("grant_type") == "refresh_token" {
				return answers(http.StatusBadRequest, `{"error":"invalid_client"}`), nil
			}
			return answersToken(), nil
		})
		k.Start()
		k.Pass(10 * time.Minute)
		for _, id := range ids {
			if c := k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonNone || c.Failures != 0 {
				t.Errorf("access lasts, and the connection is %s (%q) with %d failures", c.State, c.Reason, c.Failures)
			}
		}
		k.Pass(10 * time.Minute)
		for _, id := range ids {
			if c := k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonOurSide {
				t.Errorf("access has lapsed, and the connection is %s (%q)", c.State, c.Reason)
			}
		}
		for _, id := range own {
			if c := k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonNone || c.Generation < 2 {
				t.Errorf("with a client of its own, the connection is %s (%q) of generation %d", c.State, c.Reason, c.Generation)
			}
		}
		if n := alarms(k); n != 1 {
			t.Errorf("%d alarms, want 1:\n%s", n, k.Logged)
		}
	})
}

func formOf(r *http.Request) url.Values {
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	form, _ := url.ParseQuery(string(text))
	return form
}

func answers(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// answersToken returns an answer with a new access token, as a tenant's own client gets it.
func answersToken() *http.Response {
	return answers(http.StatusOK, `{"access_token":"stc_`+database.NewID().String()+`","token_type":"Bearer","expires_in":900}`)
}

// clientsAnswered records when each of the tenants' own clients, cid.0 to cid.n, sent token
// requests.
type clientsAnswered struct {
	mu    sync.Mutex
	asked map[string][]time.Time
}

// answerClients answers token requests in place of the sandbox. If refuse returns an answer,
// the client gets that one.
func answerClients(k *modeltest.Kept, refuse func(client string) *http.Response) *clientsAnswered {
	c := &clientsAnswered{asked: map[string][]time.Time{}}
	spoil(k, func(r *http.Request) (*http.Response, error) {
		client := formOf(r).Get("client_id")
		c.mu.Lock()
		c.asked[client] = append(c.asked[client], time.Now())
		c.mu.Unlock()
		if resp := refuse(client); resp != nil {
			return resp, nil
		}
		return answersToken(), nil
	})
	return c
}

func (c *clientsAnswered) all() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.asked {
		n += len(times)
	}
	return n
}

func (c *clientsAnswered) times(client string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked[client])
}

func tooMany(seconds string) *http.Response {
	resp := answers(http.StatusTooManyRequests, "")
	resp.Header.Set("Retry-After", seconds)
	return resp
}

// If one tenant's own client is told to wait, it alone waits, for as long as it is told. The
// app's registration is one client, so if it is told to wait, all its connections wait.
func TestRateLimitedClient(t *testing.T) {
	t.Run("one own client", func(t *testing.T) {
		modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
			began := time.Now()
			ids := k.SeedClients(5, began, began, modeltest.ClientNumber)
			clients := answerClients(k, func(client string) *http.Response {
				if client == "cid.0" && time.Since(began) < 30*time.Minute {
					return tooMany("600")
				}
				return nil
			})
			k.Start()
			k.Pass(9 * time.Minute)
			if n := len(clients.times("cid.0")); n != 1 {
				t.Errorf("the client that has to wait asked %d times", n)
			}
			if c := k.Connection(ids[0]); c.Reason != models.ReasonRateLimited || time.Until(*c.NextRenewalAt) < time.Minute-keeper.PollEvery {
				t.Errorf("it is %s (%q), tried again at %v", c.State, c.Reason, c.NextRenewalAt)
			}
			for i, id := range ids[1:] {
				if c := k.Connection(id); c.State != models.Connected || c.Generation != 2 {
					t.Errorf("connection %d is %s of generation %d: it waits for another's client", i+1, c.State, c.Generation)
				}
			}
			// While the first one waits, a new one is not held back either.
			late := k.SeedClients(1, time.Now(), time.Now(), func(int) servicetitan.OwnClient { return modeltest.ClientNumber(7) })[0]
			k.Pass(5 * time.Second)
			if c := k.Connection(late); c.Generation != 2 {
				t.Errorf("a connection made meanwhile is %s of generation %d", c.State, c.Generation)
			}
			k.Pass(45 * time.Minute)
			if c := k.Connection(ids[0]); c.State != models.Connected || c.Generation < 2 {
				t.Errorf("afterwards it is %s (%q)", c.State, c.Reason)
			}
		})
	})
	t.Run("many own clients within a minute", func(t *testing.T) {
		modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
			began := time.Now()
			k.SeedClients(keeper.BreakerTrips, began, began, modeltest.ClientNumber)
			clients := answerClients(k, func(string) *http.Response {
				if time.Since(began) < 5*time.Second {
					return tooMany("300")
				}
				return nil
			})
			k.Start()
			k.Pass(10 * time.Second)
			late := k.SeedClients(1, time.Now(), time.Now(), func(int) servicetitan.OwnClient { return modeltest.ClientNumber(99) })[0]
			asked := clients.all()
			k.Pass(4 * time.Minute)
			if n := clients.all(); n != asked {
				t.Errorf("%d more requests, while ServiceTitan asks everybody to wait", n-asked)
			}
			k.Pass(3 * time.Minute)
			if c := k.Connection(late); c.State != models.Connected || c.Generation != 2 {
				t.Errorf("afterwards the connection is %s of generation %d", c.State, c.Generation)
			}
		})
	})
	t.Run("many own clients over an hour", func(t *testing.T) {
		modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
			began := time.Now()
			var ids []uuid.UUID
			for i := range 3 * keeper.BreakerTrips {
				at := began.Add(time.Duration(i) * 2 * keeper.LimitWindow / keeper.BreakerTrips)
				ids = append(ids, k.SeedClients(1, began, at, func(int) servicetitan.OwnClient { return modeltest.ClientNumber(i) })...)
			}
			clients := answerClients(k, func(string) *http.Response { return tooMany("3600") })
			k.Start()
			k.Pass(8 * time.Minute)
			for i := range ids {
				if n := len(clients.times("cid." + strconv.Itoa(i))); n != 1 {
					t.Errorf("client %d asked %d times: the others' limits hold it back", i, n)
				}
			}
		})
	})
	t.Run("the app's registration", func(t *testing.T) {
		modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
			began := time.Now()
			k.Seed(1, began, began)
			own := k.SeedClients(1, began, began.Add(time.Minute), modeltest.ClientNumber)[0]
			var refreshed atomic.Int64
			spoil(k, func(r *http.Request) (*http.Response, error) {
				if formOf(r).Get("grant_type") != "refresh_token" {
					return answers(http.StatusOK, `{"access_token":"stc_a","token_type":"Bearer","expires_in":900}`), nil
				}
				if refreshed.Add(1) == 1 {
					return tooMany("300"), nil
				}
				return nil, nil
			})
			k.Start()
			k.Pass(10 * time.Second)
			late := k.Seed(1, time.Now(), time.Now())[0]
			k.Pass(4 * time.Minute)
			if n := refreshed.Load(); n != 1 || k.Connection(late).Generation != 1 {
				t.Errorf("%d requests with the one client that has to wait", n)
			}
			if c := k.Connection(own); c.Generation != 2 {
				t.Error("a tenant's own client waits for the app's")
			}
			k.Pass(3 * time.Minute)
			if c := k.Connection(late); c.Generation != 2 {
				t.Errorf("afterwards the connection is %s of generation %d", c.State, c.Generation)
			}
		})
	})
}

// Requests that are refused for breakerTrips clients in a row open the breaker of
// tenants' own clients. One request then probes whether the problem is over. Fewer
// refusals, or refusals of always the same client, hold nobody back.
func TestOwnClientsOpenTheirBreaker(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		began := time.Now()
		var bad atomic.Bool
		bad.Store(true)
		clients := answerClients(k, func(client string) *http.Response {
			if bad.Load() && client != "cid.100" {
				return answers(http.StatusBadRequest, `{"error":"invalid_scope"}`)
			}
			return nil
		})
		ids := k.SeedClients(keeper.BreakerTrips-1, began, began, modeltest.ClientNumber)
		k.Start()
		k.Pass(5 * time.Minute) // each of them fails many times
		well := k.SeedClients(1, time.Now(), time.Now(), func(int) servicetitan.OwnClient { return modeltest.ClientNumber(100) })[0]
		k.Pass(5 * time.Second)
		if c := k.Connection(well); c.Generation != 2 {
			t.Errorf("%d failing clients hold back another one", keeper.BreakerTrips-1)
		}
		// That one worked, so counting starts over: these open the breaker.
		ids = append(ids, k.SeedClients(3*keeper.BreakerTrips, time.Now(), time.Now(), func(i int) servicetitan.OwnClient { return modeltest.ClientNumber(200 + i) })...)
		k.Pass(time.Minute)
		asked := clients.all()
		k.Pass(10 * time.Minute)
		if n := clients.all() - asked; n < 5 || n > 40 {
			t.Errorf("%d requests in ten minutes, while the breaker is open", n)
		}
		if n := openOurSide(k); n != 10 {
			t.Errorf("%d tasks, want 10 at most", n)
		}
		bad.Store(false)
		k.Pass(keeper.LongestRetry + 2*time.Minute)
		for _, id := range ids {
			if c := k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonNone {
				t.Errorf("afterwards a connection is %s (%q)", c.State, c.Reason)
			}
		}
		if n := openOurSide(k); n != 0 {
			t.Errorf("%d tasks are open afterwards", n)
		}
	})
}

// isOurSide says whether an error names a problem on our side.
func isOurSide(err error) bool {
	e, ok := errors.AsType[*models.ReasonError](err)
	return ok && e.Reason == models.ReasonOurSide
}
