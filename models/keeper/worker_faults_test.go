package keeper_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// through lets a test answer token requests in place of the sandbox.
type through struct {
	next  http.RoundTripper
	spoil func(r *http.Request) (*http.Response, error)
}

func (s through) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == sandbox.PathToken {
		if resp, err := s.spoil(r); resp != nil || err != nil {
			return resp, err
		}
	}
	return s.next.RoundTrip(r)
}

// No matter how ServiceTitan asks us to wait, its environment is left alone until then, but for
// at most an hour. After that, a permanent refusal is recognized.
func TestRetryAfter(t *testing.T) {
	for name, tt := range map[string]struct {
		value   func() string
		atLeast time.Duration
		atMost  time.Duration
	}{
		"seconds":      {value: func() string { return "30" }, atLeast: 30 * time.Second, atMost: 40 * time.Second},
		"date":         {value: func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }, atLeast: 89 * time.Second, atMost: 100 * time.Second},
		"garbage":      {value: func() string { return "soon" }, atLeast: keeper.ShortestRest, atMost: 20 * time.Second},
		"none":         {value: func() string { return "" }, atLeast: keeper.ShortestRest, atMost: 20 * time.Second},
		"negative":     {value: func() string { return "-30" }, atLeast: keeper.ShortestRest, atMost: 20 * time.Second},
		"past date":    {value: func() string { return "Fri, 31 Dec 1999 15:04:05 GMT" }, atLeast: keeper.ShortestRest, atMost: 20 * time.Second},
		"10^9 seconds": {value: func() string { return "1000000000" }, atLeast: keeper.LongestAsked, atMost: keeper.LongestAsked + 15*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				dead := k.Seed(1, time.Now(), time.Now().Add(time.Second))[0]
				k.Sandbox.RevokeGrants(modeltest.Northgate)
				k.Seed(50, time.Now(), time.Now().Add(time.Second))
				began := time.Now()
				var refused atomic.Int64
				var lastRefusal, next atomic.Pointer[time.Time]
				spoil(k, func(*http.Request) (*http.Response, error) {
					now := time.Now()
					if now.Sub(began) < 5*time.Second {
						refused.Add(1)
						lastRefusal.Store(&now)
						return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {tt.value()}}, Body: http.NoBody}, nil
					}
					next.CompareAndSwap(nil, &now)
					return nil, nil
				})
				k.Start()
				k.Pass(tt.atMost + keeper.LongestRetry + time.Minute)
				if n := refused.Load(); n == 0 || n > keeper.ParallelRenewals {
					t.Fatalf("%d requests were refused", n)
				}
				if next.Load() == nil {
					t.Fatal("nothing is asked again")
				}
				if wait := next.Load().Sub(*lastRefusal.Load()); wait < tt.atLeast || wait > tt.atMost {
					t.Errorf("asked again after %s, want %s to %s", wait, tt.atLeast, tt.atMost)
				}
				if states := k.States(); states[models.Connected] != 50 || states[models.ReconnectNeeded] != 1 || k.Connection(dead).State != models.ReconnectNeeded {
					t.Errorf("afterwards: %v", states)
				}
			})
		})
	}
}

// A tenant whose requests always hang, and one whose renewal panics, do not affect the others,
// whether those are renewed ahead of time or on use.
func TestPoisonedTenants(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		hanging := k.Seed(1, time.Now(), time.Now())[0]
		panicking := k.Seed(1, time.Now(), time.Now())[0]
		ids := k.Seed(20, time.Now(), time.Now())
		refresh := func(id uuid.UUID) string {
			grant, err := keeper.KeeperOpenGrant(k.Keeper, storedCredential(k, id))
			if err != nil {
				t.Fatal(err)
			}
			return "refresh_token=" + grant.Refresh.Reveal()
		}
		hangs, panics := refresh(hanging), refresh(panicking)
		var hung, panicked atomic.Int64
		var well atomic.Bool
		spoil(k, func(r *http.Request) (*http.Response, error) {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			form, err := io.ReadAll(body)
			if err != nil {
				return nil, err
			}
			switch {
			case well.Load():
			case strings.Contains(string(form), hangs):
				hung.Add(1)
				<-r.Context().Done()
				return nil, r.Context().Err()
			case strings.Contains(string(form), panics):
				panicked.Add(1)
				panic("poison")
			}
			return nil, nil
		})
		k.Start()
		for minute := range 6 * 60 {
			k.Pass(time.Minute)
			if late := k.Count("SELECT count(*) FROM credentials WHERE due_at < ? AND connection_id NOT IN ?", time.Now().Add(-keeper.PollEvery-time.Second).UTC(), []any{hanging, panicking}); late > 0 {
				t.Errorf("minute %d: %d are late", minute, late)
			}
			id := ids[minute%len(ids)]
			began := time.Now()
			if _, err := k.Keeper.AccessToken(k.Context(), k.CompanyID, id); err != nil {
				t.Errorf("minute %d: %v", minute, err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("minute %d: a token takes %s", minute, took)
			}
		}
		t.Logf("in 6 hours %d requests hung, and %d renewals panicked", hung.Load(), panicked.Load())
		for _, n := range []int64{hung.Load(), panicked.Load()} {
			if n < 20 || n > 400 {
				t.Errorf("%d attempts for one that is poisoned", n)
			}
		}
		for _, id := range ids {
			if c := k.Connection(id); c.State != models.Connected {
				t.Errorf("one of the others is %s", c.State)
			}
		}
		if !strings.Contains(k.Logged.String(), "renewal panicked") {
			t.Error("nobody is told of the panic")
		}
		well.Store(true)
		k.Pass(keeper.LongestRetry + time.Minute)
		if states := k.States(); states[models.Connected] != 22 {
			t.Errorf("afterwards: %v", states)
		}
	})
}

// The keeper remembers a lost answer through later failures, until it knows whether the refresh
// token was spent.
func TestLostAnswerIsRemembered(t *testing.T) {
	for name, then := range map[string]*sandbox.Fault{
		"twice":               nil,
		"twice, then a 503":   {Kind: sandbox.Status503, Times: 1},
		"twice, then garbage": {Kind: sandbox.Garbage, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				id := k.Seed(1, time.Now(), time.Now())[0]
				k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.ResetAfter, Times: 2})
				var asked atomic.Int64
				spoil(k, func(*http.Request) (*http.Response, error) {
					if asked.Add(1) == 3 && then != nil {
						k.Sandbox.SetFault(*then)
					}
					return nil, nil
				})
				k.Start()
				k.Pass(10 * time.Minute)
				if c := k.Connection(id); c.State != models.ReconnectNeeded || c.Reason != models.ReasonAnswerLost {
					t.Errorf("%s for %s", c.State, c.Reason)
				}
				if n := k.Sandbox.Fired(sandbox.ResetAfter); n != 2 {
					t.Errorf("%d answers were lost, want 2", n)
				}
				if k.Count("SELECT count(*) FROM events WHERE connection_id = ? AND kind = ?", id, models.EventRetrying) == 0 {
					t.Error("it was never retrying")
				}
				if then != nil && k.Sandbox.Fired(then.Kind) != 1 {
					t.Error("the fault after it did not fire")
				}
			})
		})
	}
}

// After an answer is lost although the server did the work, the request is repeated once at
// once, with the same refresh token. A server with a grace period answers again, and
// nothing is lost. With a server without one, the connection has the reason.
func TestLostAnswers(t *testing.T) {
	losses := map[string]func(k *modeltest.Kept) (fired func() int){
		"no byte": func(k *modeltest.Kept) func() int {
			k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold, Times: 1})
			return func() int { return k.Sandbox.Fired(sandbox.Hold) }
		},
		"reset": func(k *modeltest.Kept) func() int {
			k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1})
			return func() int { return k.Sandbox.Fired(sandbox.ResetAfter) }
		},
		"cut": func(k *modeltest.Kept) func() int {
			var cut atomic.Int64
			spoil(k, func(r *http.Request) (*http.Response, error) {
				if cut.Add(1) > 1 {
					return nil, nil
				}
				resp, err := modeltest.Memory{Handler: k.Sandbox}.RoundTrip(r)
				if err == nil {
					resp.Body = io.NopCloser(io.LimitReader(resp.Body, 40))
				}
				return resp, err
			})
			return func() int { return int(min(cut.Load(), 1)) }
		},
	}
	for name, lose := range losses {
		for grace, want := range map[time.Duration]models.State{0: models.ReconnectNeeded, 30 * time.Second: models.Connected} {
			t.Run(name+", a grace time of "+grace.String(), func(t *testing.T) {
				modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
					id := k.Seed(1, time.Now(), time.Now())[0]
					fired := lose(k)
					k.Start()
					k.Pass(time.Minute)
					if fired() != 1 {
						t.Error("no answer was lost")
					}
					c := k.Connection(id)
					if c.State != want || (want == models.ReconnectNeeded) != (c.Reason == models.ReasonAnswerLost) {
						t.Errorf("%s %s, want %s", c.State, c.Reason, want)
					}
					if n := k.TokenRequests(); n != 2 {
						t.Errorf("%d token requests, want 2", n)
					}
					if want == models.ReconnectNeeded && k.Count("SELECT count(*) FROM credentials WHERE generation > 1") != 0 {
						t.Error("half an answer was stored")
					}
				}, func(o *sandbox.Options, _ *keeper.Options) { o.RefreshGrace = grace })
			})
		}
	}
}

// spoil answers token requests in place of the sandbox from now on, if answer returns an answer
// or an error.
func spoil(k *modeltest.Kept, answer func(r *http.Request) (*http.Response, error)) {
	(*k.Keeper.ClientsField()) = k.ClientsThrough(through{modeltest.Memory{Handler: k.Sandbox}, answer}, time.Now)
}
