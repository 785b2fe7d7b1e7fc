package demo_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A made-up trouble is counted as the keeper counts a real one: a renewal that
// failed or was refused as one that failed, and the one by which it recovered as
// one that worked. What a test of the connection was refused is no renewal, and
// neither is a reconnect.
func TestSampleTroublesCountAsRealOnesDo(t *testing.T) {
	test := func(k *modeltest.Kept, id uuid.UUID) { _ = k.Connections().Test(k.Context(), k.Owner(), id) }
	renew := func(k *modeltest.Kept, id uuid.UUID) {
		_, _ = k.Keeper.Renew(k.Context(), k.CompanyID, id, k.Connection(id).Generation)
	}
	for reason, tt := range map[models.Reason]struct {
		fault    sandbox.Fault
		by       func(*modeltest.Kept, uuid.UUID) // what meets the fault
		over     func(*modeltest.Kept, uuid.UUID)
		ok, fail int
	}{
		models.ReasonUnavailable:  {fault: sandbox.Fault{Kind: sandbox.Status503, Times: 1}, by: renew, over: renew, ok: 1, fail: 1},
		models.ReasonRateLimited:  {fault: sandbox.Fault{Kind: sandbox.Status429, Times: 1}, by: renew, over: renew, ok: 1, fail: 1},
		models.ReasonGrantRefused: {fault: sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_grant"}`, Times: 1}, by: renew, over: (*modeltest.Kept).Reconnect, fail: 1},
		models.ReasonAnswerLost:   {fault: sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}, by: renew, over: (*modeltest.Kept).Reconnect, fail: 1},
		models.ReasonNotAllowed:   {fault: sandbox.Fault{Kind: sandbox.Status403, Path: "*", Times: 1}, by: test, over: (*modeltest.Kept).Reconnect},
	} {
		t.Run(string(reason), func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now)
				id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
				k.Sandbox.SetFault(tt.fault)
				tt.by(k, id)
				if c := k.Connection(id); c.Reason != reason {
					t.Fatalf("the connection is %s (%s)", c.State, c.Reason)
				}
				clock.Add(time.Minute)
				tt.over(k, id)
				if c := k.Connection(id); c.State != models.Connected {
					t.Fatalf("the connection is %s (%s)", c.State, c.Reason)
				}
				var real connect.RenewalDay
				if err := db.Read(t.Context()).Raw("SELECT sum(ok) AS ok, sum(failed) AS failed FROM renewal_days WHERE connection_id = ?", id).Scan(&real).Error; err != nil {
					t.Fatal(err)
				}
				if real.OK != tt.ok || real.Failed != tt.fail {
					t.Errorf("the keeper counts %d that worked and %d that failed", real.OK, real.Failed)
				}
				// So young that nothing else was renewed.
				told := demo.Story{SampleConnection: demo.SampleConnection{
					State: models.Connected, Age: 2 * time.Hour, Troubles: []demo.SampleTrouble{{Age: time.Hour, Length: time.Second, Reason: reason}},
				}, Now: clock.Now(), Every: 24 * time.Hour}
				var made keeper.RenewalHour
				for _, h := range told.CountHours(clock.Now().Add(-24 * time.Hour)) {
					made.OK, made.Failed = made.OK+h.OK, made.Failed+h.Failed
				}
				if made.OK != int64(tt.ok) || made.Failed != int64(tt.fail) {
					t.Errorf("the sample counts %d that worked and %d that failed", made.OK, made.Failed)
				}
			})
		})
	}
}
