package check_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// backWithin is how soon after an outage everything is connected again.
const backWithin = 5 * time.Minute

// An outage, whatever it looks like and however many tenants it meets, sends nobody to
// reconnect, and everything is connected again within minutes of its end. A tenant that is
// really refused meanwhile, at an endpoint that works, is told.
func TestSoakOutagesTellNobodyToReconnect(t *testing.T) {
	n, lasts := modeltest.Many(t, 300, 2000), time.Duration(modeltest.Many(t, 15, 60))*time.Minute
	full := modeltest.Many(t, 0, 1) == 1
	refusedClient := sandbox.Fault{Kind: sandbox.CustomToken, Path: sandbox.PathToken, Status: 401, ContentType: "application/json", Body: `{"error":"invalid_client"}`}
	refuse := func(r *faultRun, tenant int64) {
		if n, err := r.Sandbox.DisableSilently(tenant); n == 0 || err != nil {
			r.Fatal(n, err)
		}
	}
	deleteSecret := func(r *faultRun, tenant int64) {
		if err := r.Sandbox.DeleteSecret(tenant, 1); err != nil {
			r.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		fault sandbox.Fault
		// really refuses one tenant during the outage; nil if no endpoint works.
		really func(r *faultRun, tenant int64)
		// always says that it also runs in the short version, which is on SQLite only.
		always bool
	}{
		{"tokens, 30 percent", sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.PathToken, Percent: 30}, refuse, false},
		{"tokens", sandbox.Fault{Kind: sandbox.Status500, Path: sandbox.PathToken}, nil, false},
		{"API, 30 percent", sandbox.Fault{Kind: sandbox.Status503, Path: sandbox.WholeAPI, Percent: 30}, deleteSecret, true},
		{"API", sandbox.Fault{Kind: sandbox.Status500, Path: sandbox.WholeAPI}, deleteSecret, false},
		{"both, 30 percent", sandbox.Fault{Kind: sandbox.ResetBefore, Path: sandbox.Everywhere, Percent: 30}, refuse, false},
		{"both", sandbox.Fault{Kind: sandbox.ResetBefore, Path: sandbox.Everywhere}, nil, true},
		{"403 of the API, 30 percent", sandbox.Fault{Kind: sandbox.Status403, Path: sandbox.WholeAPI, Percent: 30}, deleteSecret, false},
		{"403 of the API", sandbox.Fault{Kind: sandbox.Status403, Path: sandbox.WholeAPI}, deleteSecret, true},
		{"invalid_client, 30 percent", func() sandbox.Fault { f := refusedClient; f.Percent = 30; return f }(), refuse, false},
		{"invalid_client", refusedClient, nil, true},
	} {
		if !tt.always && !full {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			run := inFaultRun
			if !full {
				run = onSQLite
			}
			run(t, n, func(r *faultRun) {
				planned, err := r.Sandbox.PlanFault(tt.fault)
				if err != nil {
					r.Fatal(err)
				}
				r.Pass(lasts / 3)
				refused := r.refuseOne(tt.really)
				r.Pass(lasts - lasts/3)
				during := r.requests()
				r.Sandbox.ClearFault(planned.ID)
				over := r.DB.Now()
				back := r.untilConnected(refused, over)
				r.Pass(faultInterval)
				about, mails := r.toldAbout(), 0
				for _, c := range r.all {
					got := about[c.id]
					mails += len(got.mails)
					if refused != nil && c.id == refused.id {
						if state := r.connection(c).State; state != models.ReconnectNeeded || len(got.mails) != 1 {
							r.Errorf("the tenant that is really refused is %s, mails %v, events %v", state, got.mails, got.events)
						}
						r.Logf("the refused tenant was told after %s", (got.mail - lasts/3).Round(time.Second))
						continue
					}
					if len(got.mails) > 0 {
						r.Errorf("tenant %d got mails %v, events %v", c.tenant, got.mails, got.events)
					}
				}
				r.Logf("%d connections, %s: %d token requests, %d API requests, %d mails; connected again after %s; outages %s", n, lasts,
					during["tokens"]-r.before["tokens"], during["API"]-r.before["API"], mails, back.Round(time.Second), r.outages())
			})
		})
	}
}

// refuseOne refuses one tenant that works, and returns its connection.
func (r *faultRun) refuseOne(really func(r *faultRun, tenant int64)) *connected {
	r.Helper()
	if really == nil {
		return nil
	}
	for i, c := range r.all {
		if !c.signIn && r.Check(c.id).Failures == 0 && r.connection(c).State == models.Connected && r.connection(c).FailingSince == nil {
			really(r, c.tenant)
			return &r.all[i]
		}
	}
	// None works at the endpoint of the outage. Any will do for the other one.
	for i, c := range r.all {
		if !c.signIn {
			really(r, c.tenant)
			return &r.all[i]
		}
	}
	return nil
}

// untilConnected lets time pass until every connection but one is connected, and returns
// how long after the end of the outage that was.
func (r *faultRun) untilConnected(but *connected, over time.Time) time.Duration {
	r.Helper()
	const step = 10 * time.Second
	for r.DB.Now().Sub(over) < backWithin {
		r.Pass(step)
		away := r.Count("SELECT count(*) FROM connections WHERE state <> ? OR unanswered_since IS NOT NULL OR failing_since IS NOT NULL", models.Connected)
		if but != nil && r.connection(*but).State != models.Connected {
			away--
		}
		if away <= 0 {
			return r.DB.Now().Sub(over)
		}
	}
	states := map[string]int{}
	for _, c := range r.all {
		now := r.connection(c)
		if now.State != models.Connected {
			states[fmt.Sprintf("%s for %q, sign-in %t, next renewal in %s", now.State, now.Reason, c.signIn, r.inTime(now.NextRenewalAt))]++
		}
	}
	r.Errorf("after %s: %v", backWithin, states)
	return r.DB.Now().Sub(over)
}

func (r *faultRun) inTime(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.Sub(r.DB.Now()).Truncate(time.Minute).String()
}

// outages describes the outages that were found.
func (r *faultRun) outages() string {
	r.Helper()
	var rows []struct {
		Endpoint string
		BeganAt  time.Time
		EndedAt  *time.Time
		Peak     int
	}
	if err := r.DB.Read(r.Context()).Raw("SELECT endpoint, began_at, ended_at, peak FROM outages ORDER BY began_at").Scan(&rows).Error; err != nil {
		r.Fatal(err)
	}
	text := ""
	for _, o := range rows {
		ended := "still"
		if o.EndedAt != nil {
			ended = o.EndedAt.Sub(r.began).Round(time.Second).String()
		}
		text += fmt.Sprintf("[%s from %s to %s, peak %d]", o.Endpoint, o.BeganAt.Sub(r.began).Round(time.Second), ended, o.Peak)
	}
	return text
}
