package models

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// A made-up trouble is counted as the keeper counts a real one: a renewal that
// failed or was refused as one that failed, and the one by which it recovered as
// one that worked. What a test of the connection was refused is no renewal, and
// neither is a reconnect.
func TestSampleTroublesCountAsRealOnesDo(t *testing.T) {
	test := func(k *kept, id uuid.UUID) { _ = k.connections().Test(k.Context(), k.owner(), id) }
	renew := func(k *kept, id uuid.UUID) {
		_, _ = k.keeper.Renew(k.Context(), k.companyID, id, k.connection(id).Generation)
	}
	for reason, tt := range map[Reason]struct {
		fault    sandbox.Fault
		by       func(*kept, uuid.UUID) // what meets the fault
		over     func(*kept, uuid.UUID)
		ok, fail int
	}{
		ReasonUnavailable:  {fault: sandbox.Fault{Kind: sandbox.Status503, Times: 1}, by: renew, over: renew, ok: 1, fail: 1},
		ReasonRateLimited:  {fault: sandbox.Fault{Kind: sandbox.Status429, Times: 1}, by: renew, over: renew, ok: 1, fail: 1},
		ReasonGrantRefused: {fault: sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_grant"}`, Times: 1}, by: renew, over: (*kept).reconnect, fail: 1},
		ReasonAnswerLost:   {fault: sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}, by: renew, over: (*kept).reconnect, fail: 1},
		ReasonNotAllowed:   {fault: sandbox.Fault{Kind: sandbox.Status403, Path: "*", Times: 1}, by: test, over: (*kept).reconnect},
	} {
		t.Run(string(reason), func(t *testing.T) {
			onBoth(t, func(t *testing.T, db *DB, clock *clock) {
				k := newKept(t, db, clock.Now)
				id := k.seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
				k.sandbox.SetFault(tt.fault)
				tt.by(k, id)
				if c := k.connection(id); c.Reason != reason {
					t.Fatalf("the connection is %s (%s)", c.State, c.Reason)
				}
				clock.Add(time.Minute)
				tt.over(k, id)
				if c := k.connection(id); c.State != Connected {
					t.Fatalf("the connection is %s (%s)", c.State, c.Reason)
				}
				var real RenewalDay
				if err := db.Read(t.Context()).Raw("SELECT sum(ok) AS ok, sum(failed) AS failed FROM renewal_days WHERE connection_id = ?", id).Scan(&real).Error; err != nil {
					t.Fatal(err)
				}
				if real.OK != tt.ok || real.Failed != tt.fail {
					t.Errorf("the keeper counts %d that worked and %d that failed", real.OK, real.Failed)
				}
				// So young that nothing else was renewed.
				told := story{SampleConnection: SampleConnection{
					State: Connected, Age: 2 * time.Hour, Troubles: []SampleTrouble{{Age: time.Hour, Length: time.Second, Reason: reason}},
				}, now: clock.Now(), every: 24 * time.Hour}
				var made RenewalHour
				for _, h := range told.countHours(clock.Now().Add(-24 * time.Hour)) {
					made.OK, made.Failed = made.OK+h.OK, made.Failed+h.Failed
				}
				if made.OK != int64(tt.ok) || made.Failed != int64(tt.fail) {
					t.Errorf("the sample counts %d that worked and %d that failed", made.OK, made.Failed)
				}
			})
		})
	}
}
