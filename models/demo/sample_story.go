package demo

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// sampleTestMillis is how long a test takes.
const sampleTestMillis = 187

// story tells what has become of a sample connection until now, if it was
// renewed every so often.
type story struct {
	SampleConnection
	Now   time.Time
	Every time.Duration
}

func (s story) ago(d time.Duration) time.Time { return s.Now.Add(-d) }

func (s story) began() time.Time { return s.ago(s.Age) }

// worksUntil is when it stopped to be renewed for good, or for now.
func (s story) worksUntil() time.Time {
	if s.State == models.Connected {
		return s.Now
	}
	return s.ago(s.StateAge)
}

// span is a stretch of time, without its end.
type span struct{ from, to time.Time }

// working are the stretches in which renewals worked.
func (s story) working() []span {
	if s.State == models.Pending {
		return nil
	}
	var spans []span
	from := s.began()
	for _, t := range s.Troubles {
		spans = append(spans, span{from, s.ago(t.Age)})
		from = s.ago(t.Age - t.Length)
	}
	return append(spans, span{from, s.worksUntil()})
}

// renewalsBefore is how many renewals of the stretch came before a time. Its
// beginning is no renewal.
func (w span) renewalsBefore(t time.Time, every time.Duration) int {
	if t.After(w.to) {
		t = w.to
	}
	return max(0, int((t.Sub(w.from)-1)/every))
}

// lastRenewal is when access was last granted or renewed.
func (s story) lastRenewal() time.Time {
	spans := s.working()
	if len(spans) == 0 {
		return time.Time{}
	}
	last := spans[len(spans)-1]
	return last.from.Add(time.Duration(last.renewalsBefore(last.to, s.Every)) * s.Every)
}

// failed are the renewals that failed.
func (s story) failed() []time.Time {
	var list []time.Time
	for _, t := range s.troubles() {
		switch {
		case t.passing():
			list = append(list, tries(s.ago(t.Age), s.ago(t.Age-t.Length))...)
		case t.Reason.OfRenewals():
			list = append(list, s.ago(t.Age))
		}
	}
	return list
}

// present is the trouble that goes on, if there is one.
func (s story) present() []SampleTrouble {
	if s.State != models.Degraded && s.State != models.ReconnectNeeded {
		return nil
	}
	return []SampleTrouble{{Age: s.StateAge, Length: s.StateAge, Reason: s.Reason}}
}

// troubles are all, the oldest first.
func (s story) troubles() []SampleTrouble { return slices.Concat(s.Troubles, s.present()) }

// stateSince is since when it is in its state.
func (s story) stateSince() time.Time {
	switch n := len(s.Troubles); {
	case s.State == models.Pending:
		return s.began()
	case s.State == models.Connected && n > 0:
		return s.ago(s.Troubles[n-1].Age - s.Troubles[n-1].Length)
	case s.State == models.Connected:
		return s.began()
	}
	return s.ago(s.StateAge)
}

// tries are the renewals that fail from a time on until another, with the waits
// between them that nextTry has on average.
func tries(from, to time.Time) []time.Time {
	var list []time.Time
	for at := from; at.Before(to); {
		list = append(list, at)
		at = at.Add(time.Second + keeper.LongestWait(len(list))/2)
	}
	return list
}

// CountHours counts the renewals by the hour, from a time on.
func (s story) CountHours(from time.Time) map[time.Time]keeper.RenewalHour {
	counts := map[time.Time]keeper.RenewalHour{}
	add := func(at time.Time, ok, failed int64) {
		if hour := at.Truncate(time.Hour); ok+failed > 0 && !hour.Before(from) {
			sum := counts[hour]
			counts[hour] = keeper.RenewalHour{Hour: hour.Format(database.HourForm), OK: sum.OK + ok, Failed: sum.Failed + failed}
		}
	}
	for _, w := range s.working() {
		first := w.from.Truncate(time.Hour)
		if first.Before(from) {
			first = from
		}
		for hour := first; hour.Before(w.to); hour = hour.Add(time.Hour) {
			add(hour, int64(w.renewalsBefore(hour.Add(time.Hour), s.Every)-w.renewalsBefore(hour, s.Every)), 0)
		}
	}
	for _, t := range s.Troubles {
		if t.passing() {
			add(s.ago(t.Age-t.Length), 1, 0) // the renewal by which it was over
		}
	}
	for _, at := range s.failed() {
		add(at, 0, 1)
	}
	return counts
}

// cast are the people of a story.
type cast struct {
	owner accounts.User
	staff accounts.User
}

// events are the timeline, the oldest first.
func (s story) events(c cast) []models.Event {
	var list []models.Event
	tell := func(age time.Duration, e models.Event) {
		if age <= 0 {
			return // it is too young for that
		}
		e.At = s.ago(age)
		e.ID = newIDAt(e.At)
		if e.ActorName != "" {
			e.SupportCode = models.NewSupportCode()
		}
		list = append(list, e)
	}
	ours := func(kind models.EventKind) models.Event {
		return models.Event{Kind: kind, ActorName: support.ActorName, StaffName: c.staff.Name}
	}
	theirs := func(kind models.EventKind) models.Event { return models.Event{Kind: kind, ActorName: c.owner.Name} }

	if s.Way == servicetitan.Guided {
		s.tellSetup(c, tell, ours, theirs)
	}
	switch {
	case s.State == models.Pending:
		return list
	case s.Way == servicetitan.Guided:
		tell(s.Age, ours(models.EventConnected))
	default:
		tell(s.Age, theirs(models.EventConnected))
	}
	tell(s.Age-time.Minute, models.Event{Kind: models.EventTestPassed, ActorName: c.owner.Name, Millis: sampleTestMillis})
	for _, t := range s.troubles() {
		kind, over := models.EventReconnectNeeded, theirs(models.EventReconnected)
		if t.passing() {
			kind, over = models.EventRetrying, models.Event{Kind: models.EventRecovered}
		}
		tell(t.Age, models.Event{Kind: kind, Reason: t.Reason})
		if t.Length < t.Age {
			tell(t.Age-t.Length, over)
		}
	}
	if s.UpgradeAge > 0 {
		tell(s.UpgradeAge, models.Event{Kind: models.EventUpgradeNeeded})
	}
	if s.TestedAge > 0 {
		tell(s.TestedAge, models.Event{Kind: models.EventTestPassed, ActorName: c.owner.Name, Millis: sampleTestMillis})
	}
	if s.State == models.Disconnected {
		tell(s.StateAge, theirs(models.EventDisconnected))
		if s.Way == servicetitan.SignIn {
			tell(s.StateAge-2*time.Second, models.Event{Kind: models.EventRevoked})
		}
	}
	if s.Note != "" {
		tell(s.NoteAge+3*time.Minute, ours(models.EventStaffViewed))
		tell(s.NoteAge, ours(models.EventNoted))
	}
	if s.ContestedBy != "" {
		tell(s.ContestedAge, models.Event{Kind: models.EventTenantConflict, ActorName: s.ContestedBy})
	}
	return list
}

// setupAges are when the steps of a setup were done; zero for those that were
// not.
func (s story) setupAges() (added, allowed time.Duration) {
	if s.State != models.Pending {
		return s.Age + 20*time.Hour, s.Age + 2*time.Hour
	}
	switch s.Step {
	case models.StepAllowAccess:
		added = s.StateAge
	case models.StepEnterCredentials:
		added, allowed = (s.Age+s.StateAge)/2, s.StateAge
	case models.StepAddTenant, models.StepChecked:
	}
	return added, allowed
}

// requestedAge is when a setup was asked for.
func (s story) requestedAge() time.Duration {
	if s.State == models.Pending {
		return s.Age
	}
	return s.Age + 26*time.Hour
}

func (s story) tellSetup(c cast, tell func(time.Duration, models.Event), ours, theirs func(models.EventKind) models.Event) {
	added, allowed := s.setupAges()
	tell(s.requestedAge(), theirs(models.EventSetupRequested))
	if s.Problem != "" { // what was done before it was sent back
		tell((s.Age*3+s.StateAge)/4, ours(models.EventSetupTenantAdded))
		tell((s.Age+s.StateAge)/2, theirs(models.EventSetupAllowed))
		e := ours(models.EventSetupSentBack)
		e.Outcome = s.Problem
		tell(s.StateAge, e)
		return
	}
	if added > 0 {
		tell(added, ours(models.EventSetupTenantAdded))
	}
	if allowed > 0 {
		tell(allowed, theirs(models.EventSetupAllowed))
	}
	if s.State != models.Pending {
		e := ours(models.EventSetupConfirmed)
		e.Detail = s.proof(c).Who()
		tell(s.Age+proofBefore, e)
	}
}

// proofBefore is how long before a setup ended staff spoke with the owner, who
// is the ServiceTitan admin too.
const proofBefore = time.Hour

// proof is the confirmation of a setup that ended.
func (s story) proof(c cast) models.Proof {
	at := s.ago(s.Age + proofBefore)
	return models.Proof{
		Name: c.owner.Name, Role: "Owner", Channel: models.CalledBack, Contact: "The number on their website",
		ReachedAt: &at, ByName: c.staff.Name, At: &at,
	}
}

// newIDAt is an ID that sorts among those of a time in the past (RFC 9562,
// section 5.7).
func newIDAt(at time.Time) uuid.UUID {
	id := database.NewID()
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(at.UnixMilli())) // #nosec G115 -- after 1970
	copy(id[:6], millis[2:])
	return id
}
