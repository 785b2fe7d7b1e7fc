package staff

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

var testStaff = accounts.Staff{UserID: uuid.MustParse("019ab000-0000-7000-8000-0000000000aa"), Name: "Ada Reyes", Email: "ada@fieldbridge.example", Role: accounts.Admin}

// testClient is a client with a reminder, whose old secret is in a slot.
func testClient(way models.Way, old models.SecretSlot) connect.ClientView {
	c := pagetest.Connection(models.Connected)
	c.Way, c.SecretAt, c.OldSecret = way, pagetest.Ago(100*24*time.Hour), old
	if old != models.NoSecret {
		c.SecretReminderAt = pagetest.Ago(-24 * time.Hour)
	}
	return connect.ClientView{Connection: c, ClientID: "cid.northgate", Slot: models.SecondSecret}
}

func testClock() views.Clock { return views.Clock{Now: pagetest.Noon, Zone: time.UTC} }

func testCompany() accounts.Company {
	return accounts.Company{ID: uuid.MustParse("019ab000-0000-7000-8000-0000000000cc"), Name: "Northgate Heating & Plumbing", CreatedAt: *pagetest.Ago(9000 * time.Hour)}
}

func testOverview(t *testing.T) support.Overview {
	o := support.Overview{Lag: 90 * time.Second, Late: 3, Queue: support.QueueCounts{Late: 2, Conflicts: 1, Upgrades: support.CountedUpTo}, Hours: make([]support.RenewalHour, 24)}
	for _, state := range pagetest.Constants[models.State](t) {
		o.Totals = append(o.Totals, support.Total{Environment: "production", State: state, N: 12_345})
		c := pagetest.Connection(state)
		c.StateSince = *pagetest.Ago(time.Hour)
		o.Retrying = append(o.Retrying, support.ListedConnection{Connection: c, CompanyName: "Northgate"})
	}
	for i, reason := range support.FailureReasons() {
		o.Incidents = append(o.Incidents, support.Incident{
			Environment: "production", State: models.ReconnectNeeded, Reason: reason, Connections: 1200, Companies: 1000 - i, Since: *pagetest.Ago(50 * time.Hour), Today: i % 3, Yesterday: i % 2,
		})
	}
	for i := range o.Hours {
		o.Hours[i] = support.RenewalHour{Hour: "2026-11-23T11", OK: int64(i % 3 * 1000), Failed: int64(i % 2)}
	}
	return o
}

// everyEvent returns one event of each kind.
func everyEvent(t *testing.T) []models.Event {
	return pagetest.Events(pagetest.Constants[models.EventKind](t))
}

// testView returns a connection with everything that a page can show about it.
func testView(t *testing.T, state models.State, reason models.Reason) support.StaffView {
	c := pagetest.Connection(state)
	c.StateSince = *pagetest.Ago(48 * time.Hour)
	if state == models.Degraded || state == models.ReconnectNeeded {
		c.Reason, c.Failures = reason, 3
	}
	v := support.StaffView{
		Connection: c, Company: testCompany(), Events: everyEvent(t), Older: true,
		Days:   []connect.RenewalDay{{Day: "2026-11-22", OK: 20, Failed: 4}, {Day: "2026-11-23", OK: 7}},
		Stored: keeper.Stored{Access: true, Refresh: true, ExpiresAt: c.ExpiresAt, KeyID: 4021},
		Mails: []support.SentMail{
			{Kind: models.MailReconnectNeeded, To: "Ruth Abara", SentAt: pagetest.Ago(time.Hour), CreatedAt: *pagetest.Ago(time.Hour)},
			{Kind: models.MailWorksAgain, To: "d…@northgate.example", NextTryAt: pagetest.Ago(-time.Hour), CreatedAt: *pagetest.Ago(time.Hour)},
			{Kind: models.MailUpgradeNeeded, To: "Dana Whitfield", CreatedAt: *pagetest.Ago(time.Hour)},
		},
		Keys:   []accounts.APIKey{{Name: "Booking sync", Reads: 1204, LastUsedAt: pagetest.Ago(time.Minute)}, {Name: "Old", RevokedAt: pagetest.Ago(time.Hour)}},
		Owners: []support.Person{{Name: "Dana Whitfield", Email: "dana@northgate.example", Role: accounts.Owner}, {Name: "Ruth Abara", Email: "ruth@northgate.example", Role: accounts.Owner, DisabledAt: pagetest.Ago(time.Hour)}},
		Looks:  []support.Look{{StaffName: "Sam Okafor", At: *pagetest.Ago(2 * time.Hour)}},
		Notes:  []support.Note{{StaffName: "Sam Okafor", Text: "Called.\nDana reconnects.", CreatedAt: *pagetest.Ago(time.Hour)}},
	}
	if state == models.Pending {
		v.Connection.ConnectedAt, v.Connection.Scopes, v.Days, v.Stored = time.Time{}, "", nil, keeper.Stored{}
		v.Setup = &support.QueuedSetup{Setup: models.Setup{Step: models.StepAddTenant, WaitsFor: models.Us, Since: *pagetest.Ago(time.Hour)}}
	}
	return v
}

func staffPage(t *testing.T, state models.State, reason models.Reason) ConnectionPage {
	return ConnectionPage{
		Staff: testStaff, View: testView(t, state, reason), Asked: pagetest.Connection("").ScopeList(),
		Link: "https://app.example/connections/1", Clock: testClock(),
	}
}

// everyPage returns each staff page in each of its states.
func everyPage(t *testing.T) map[string]templ.Component {
	pages := map[string]templ.Component{
		"overview":      Overview(OverviewPage{Staff: testStaff, Overview: testOverview(t), Clock: testClock()}),
		"overview, new": Overview(OverviewPage{Staff: testStaff, Clock: testClock()}),
		"list": Connections(ConnectionsPage{
			Staff: testStaff, Place: support.Cursor{ID: uuid.Max}, Clock: testClock(),
			List: support.ConnectionPage{
				Connections: testOverview(t).Retrying, Before: support.Cursor{ID: uuid.Max}, After: support.Cursor{ID: uuid.Max}, Totals: testOverview(t).Totals,
				Companies: []support.FoundCompany{{ID: uuid.Max, Name: "Northgate"}},
			},
		}),
		"list, no match": Connections(ConnectionsPage{Staff: testStaff, Filter: support.ConnectionFilter{Query: "x", Status: support.Overdue}, Clock: testClock()}),
		"list, so far": Connections(ConnectionsPage{
			Staff: testStaff, Filter: support.ConnectionFilter{Query: "heat"}, List: support.ConnectionPage{After: support.Cursor{ID: uuid.Max}}, Clock: testClock(),
		}),
		"staff: queue": Queue(QueuePage{Staff: testStaff, Clock: testClock()}),
		"staff: queue, items": Queue(QueuePage{Staff: testStaff, Clock: testClock(), Queue: testQueue(everyItem()...), Done: &support.ChangedItem{
			Ref: support.ItemRef{Kind: support.SetupForUs, ID: uuid.Max}, CompanyName: "Northgate", Change: support.ItemSnoozed, Mark: support.Mark{SnoozedUntil: pagetest.Ago(-time.Hour)},
		}}),
		"staff: queue, page": Queue(QueuePage{
			Staff: testStaff, Clock: testClock(), Filter: support.QueueFilter{View: support.Late, Group: support.ByHand}, Place: support.Cursor{ID: uuid.Max}, All: true,
			Queue:   support.QueuePage{Items: everyItem()[:1], Before: support.Cursor{ID: uuid.Max}, After: support.Cursor{ID: uuid.Max}, Saved: testSaved()},
			Changed: &support.ChangedError{Change: support.ItemTaken, ByName: "Priya", At: *pagetest.Ago(time.Minute)},
		}),
		"staff: queue, done":          Queue(QueuePage{Staff: testStaff, Clock: testClock(), Problem: "This is done already."}),
		"staff: reminders, none":      Reminders(RemindersPage{Staff: testStaff, Clock: testClock()}),
		"staff: reminders":            Reminders(RemindersPage{Staff: testStaff, Clock: testClock(), Reminders: testReminders()}),
		"staff: reminders, many":      Reminders(RemindersPage{Staff: testStaff, Clock: testClock(), TooMany: true}),
		"staff: reminders sent, none": RemindersSent(RemindersSentPage{Staff: testStaff, Clock: testClock()}),
		"staff: reminders sent": RemindersSent(RemindersSentPage{Staff: testStaff, Clock: testClock(), Sent: 1, Skipped: 1, Older: true, List: []support.SentReminder{
			{ID: uuid.Max, CompanyName: "Northgate", Environment: "production", TenantID: 842193311, StaffName: "Sam Okafor", Kind: models.EventReminded, People: "1", At: pagetest.Noon},
			{ID: uuid.Max, CompanyName: "Harbor", Environment: "production", TenantID: 738846120, StaffName: "Sam Okafor", Kind: models.EventReconnectMailed, People: "2", At: pagetest.Noon},
		}}),
		"staff: save filter":   SaveView(SaveViewPage{Staff: testStaff, Page: support.QueueSaved, Query: "view=late", Problem: "Write a name."}),
		"staff: secrets, none": Secrets(SecretsPage{Staff: testStaff, Clock: testClock()}),
		"staff: secrets": Secrets(SecretsPage{
			Staff: testStaff, Clock: testClock(), Filter: support.SecretFilter{Way: models.GuidedWay}, Place: support.Cursor{Rank: 1},
			List: support.ConnectionPage{
				Before: support.Cursor{Back: true}, After: support.Cursor{Rank: 1},
				Connections: []support.ListedConnection{{Connection: testClient(models.GuidedWay, models.FirstSecret).Connection, CompanyName: "Northgate"}},
			},
		}),
		"staff: secret":           Secret(SecretPage{Staff: testStaff, Company: testCompany(), Client: testClient(models.GuidedWay, models.NoSecret), Clock: testClock()}),
		"staff: secret, theirs":   Secret(SecretPage{Staff: testStaff, Company: testCompany(), Client: testClient(models.OwnCredentialsWay, models.NoSecret), Link: "https://app.example", Clock: testClock()}),
		"staff: secret, replaced": Secret(SecretPage{Staff: testStaff, Company: testCompany(), Client: testClient(models.GuidedWay, models.OtherSecret), Done: true, Clock: testClock()}),
		"staff: secret, no":       Secret(SecretPage{Staff: testStaff, Company: testCompany(), Client: testClient(models.GuidedWay, models.FirstSecret), Problem: "Enter it.", Clock: testClock()}),
		"staff: secret, no day":   Secret(SecretPage{Staff: testStaff, Company: testCompany(), Client: testClient(models.GuidedWay, models.NoSecret), OnProblem: "Enter a day.", On: "x", Clock: testClock()}),
		"staff: secret, not tried": Secret(SecretPage{
			Staff: testStaff, Company: testCompany(), Client: testClient(models.GuidedWay, models.NoSecret), Result: models.Result{Outcome: models.OutcomeUnavailable}, Clock: testClock(),
		}),
		"staff: team": Team(TeamPage{
			Staff: testStaff, Clock: testClock(), Team: []accounts.Staff{
				testStaff,
				{UserID: uuid.New(), Name: "sam@f.example", Email: "sam@f.example", Role: accounts.Support},
				{UserID: uuid.New(), Name: "Lee", Email: "lee@f.example", Role: accounts.Admin, SetUp: true},
			},
		}),
		"staff: team, no":        Team(TeamPage{Staff: testStaff, Clock: testClock(), Email: "x", Errors: TeamErrors{"Email.", "Role."}, Oneself: true}),
		"staff: team, elsewhere": Team(TeamPage{Staff: testStaff, Clock: testClock(), Team: []accounts.Staff{{UserID: uuid.Max, Name: "Sam", Email: "sam@f.example"}}, Elsewhere: true}),
		"staff: no link":         TeamLink(TeamLinkPage{Staff: testStaff, Email: "sam@f.example", SignIn: "https://app.example/staff/signin"}),
		"staff: link":            TeamLink(TeamLinkPage{Staff: testStaff, Email: "sam@f.example", Base: "https://app.example/password/reset", Again: true}),
		"staff: passkeys":        Passkeys(testStaff, views.PasskeysPage{At: "/staff/passkeys", Offered: true, Clock: testClock()}),
		"staff: remove":          Remove(RemovePage{Staff: testStaff, Member: accounts.Staff{UserID: uuid.New(), Name: "Lee", Email: "lee@f.example"}}),
		"staff: lock":            Lock(LockPage{Staff: testStaff, Company: testCompany()}),
		"staff: unlock, no":      Lock(LockPage{Staff: testStaff, Company: testCompany(), Unlock: true, Problem: support.NoteEmpty}),
	}
	for _, disabled := range []*time.Time{nil, pagetest.Ago(time.Hour)} {
		person := testPerson(disabled)
		name := "staff: person"
		if disabled != nil {
			name = "staff: disabled person"
		}
		pages[name] = Person(PersonPage{Staff: testStaff, View: person, Did: DidReset, Clock: testClock()})
		pages[name+", for support"] = Person(PersonPage{Staff: accounts.Staff{Name: "Sam"}, View: person, Did: DidSignOut, Clock: testClock()})
		pages[name+", access"] = Access(AccessPage{Staff: testStaff, View: person, Enable: disabled != nil, Problem: support.NoteEmpty})
	}
	company := support.CompanyView{Company: testCompany(), Members: testView(t, models.Connected, "").Owners, Keys: testView(t, models.Connected, "").Keys, Events: everyEvent(t)}
	for _, state := range pagetest.Constants[models.State](t) {
		c := pagetest.Connection(state)
		c.ID = uuid.New()
		company.Connections = append(company.Connections, c)
		company.Notes = append(company.Notes, support.Note{ConnectionID: &c.ID, StaffName: "Sam", Text: "x", CreatedAt: pagetest.Noon})
		for _, reason := range pagetest.Constants[models.Reason](t) {
			p := staffPage(t, state, reason)
			pages["staff: "+string(state)+" "+string(reason)] = Connection(p)
		}
		pages["staff: disconnect "+string(state)] = Disconnect(DisconnectPage{Staff: testStaff, View: testView(t, state, ""), Problem: support.NoteHasSecret})
	}
	pages["staff: company"] = Company(CompanyPage{Staff: testStaff, View: company, Clock: testClock()})
	pages["staff: empty company"] = Company(CompanyPage{Staff: accounts.Staff{Name: "Sam"}, View: support.CompanyView{Company: testCompany()}, Clock: testClock()})
	locked := staffPage(t, models.Degraded, models.ReasonUnavailable)
	locked.View.Company.LockedAt, locked.View.Company.LockedByName, locked.View.Company.LockReason = pagetest.Ago(time.Hour), "Lee", "Requested by their owner."
	locked.Place.Before, locked.Did, locked.Missing = &uuid.Max, "link", models.Areas([]string{"tn.crm.bookings:rw"})
	pages["staff: locked"] = Connection(locked)
	refreshed := staffPage(t, models.Connected, "")
	refreshed.Did, refreshed.Note, refreshed.NoteProblem = "refreshed", "x", support.NoteTooLong
	refreshed.View = support.StaffView{Connection: pagetest.Connection(models.Connected), Company: testCompany(), Events: []models.Event{{Kind: models.EventRefreshed, At: pagetest.Noon}}}
	pages["staff: refreshed"] = Connection(refreshed)
	maps.Copy(pages, everySignInPage())
	return pages
}

// testPerson returns a person of a company, disabled or not.
func testPerson(disabledAt *time.Time) support.PersonView {
	v := support.PersonView{
		Person:  support.Person{UserID: uuid.Max, Name: "Dana Whitfield", Email: "dana@northgate.example", Role: accounts.Owner, LastSignInAt: pagetest.Ago(time.Hour), DisabledAt: disabledAt, Factor: true},
		Company: testCompany(), Others: []string{"South", "West"}, Alone: []string{"Northgate", "West"},
	}
	for _, action := range slices.Sorted(maps.Keys(doneWords)) {
		v.Done = append(v.Done, support.DoneToPerson{Action: action, At: pagetest.Noon, StaffName: "Lee", SupportCode: "FB-1"})
	}
	return v
}

// In every state and for every reason, staff read since when it is so, why, and
// what to say.
func TestStaffReadWhatToSay(t *testing.T) {
	for _, state := range pagetest.Constants[models.State](t) {
		for _, reason := range append([]models.Reason{models.ReasonNone}, support.FailureReasons()...) {
			p := staffPage(t, state, reason)
			a := p.advice()
			if a.title == "" || a.text == "" || !strings.HasSuffix(a.tell, ".") {
				t.Errorf("%s, %s: %+v", state, reason, a)
			}
			shown := pagetest.Show(t, Connection(p))
			shown.Says("Tell them: “"+a.tell+"”", "842193311", "Production", views.WordsOfState(state).Word, a.title+" · since ")
			if (state == models.Degraded || state == models.ReconnectNeeded) && reason != "" {
				shown.Says("Code " + string(reason))
			}
			for action, want := range map[string]bool{"/refresh": p.View.Connection.Refreshable(), "/reconnect-link": true, "/notes": true} {
				if got := strings.Contains(strings.Join(shown.Actions(), " "), action); got != want {
					t.Errorf("%s: %s is offered: %t", state, action, got)
				}
			}
			if !p.View.Connection.Refreshable() {
				shown.Says(p.noRefresh())
			}
		}
	}
}

// The reply is whole: it can be sent as it is. It has no secret.
func TestReplyIsWhole(t *testing.T) {
	p := staffPage(t, models.ReconnectNeeded, models.ReasonGrantRefused)
	want := "Hi Dana,\n\n" + p.advice().tell + "\n\nYour connection’s page: https://app.example/connections/1\n\nAda\nFieldbridge support"
	if got := p.reply(p.advice().tell); got != want {
		t.Errorf("the reply is %q, want %q", got, want)
	}
	// Ruth cannot sign in, so that Dana is the only owner. With two, nobody knows who asks.
	p.View.Owners[1].DisabledAt = nil
	if got := p.reply("x"); !strings.HasPrefix(got, "Hello,\n") {
		t.Errorf("two owners: %q", got)
	}
	p.View.Setup = &support.QueuedSetup{Setup: models.Setup{RequestedByName: "luis@harbor.example"}}
	if got := p.reply("x"); !strings.HasPrefix(got, "Hello,\n") {
		t.Errorf("an address is no name: %q", got)
	}
	p.View.Setup.RequestedByName = "Luis Ortega"
	if got := p.reply("x"); !strings.HasPrefix(got, "Hi Luis,\n") {
		t.Errorf("who asked for the setup: %q", got)
	}
}

// The text for a ticket says what the page says, with times that a computer reads.
func TestTextForATicket(t *testing.T) {
	for _, state := range pagetest.Constants[models.State](t) {
		p := staffPage(t, state, models.ReasonGrantRefused)
		p.StaffLink = "https://app.example/staff/connections/1"
		text := p.text()
		for _, want := range []string{
			"Northgate Heating & Plumbing: " + views.WordsOfState(state).Word + "\n" + p.StaffLink, p.advice().title, views.Plain(p.why()),
			"Tell them: “" + p.advice().tell + "”", "\nTenant ID: 842193311\n", "\nMethod: ", "\nLast events, newest first:\n2026-", " · Support code: FB-",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in:\n%s", state, want, text)
			}
		}
		for _, note := range p.View.Notes {
			if strings.Contains(text, note.Text) {
				t.Errorf("%s: the text has a note", state)
			}
		}
		if since := p.since(); since != nil && !strings.Contains(text, " since "+views.MachineTime(*since)+" (") {
			t.Errorf("%s: the text does not say since when:\n%s", state, text)
		}
	}
}

func TestApart(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 5 * time.Minute: "5 minutes ago", 47 * time.Hour: "47 hours ago", 50 * time.Hour: "2 days ago",
		-time.Second: "in a moment", -time.Minute: "in 1 minute", -3 * 24 * time.Hour: "in 3 days",
	} {
		if got := apart(pagetest.Noon, pagetest.Noon.Add(-d)); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// The page that sends the reconnect mail lists everybody who gets it, or says why it cannot
// be sent, and then has no button.
func TestReconnectMailSaysToWhomItGoes(t *testing.T) {
	p := ReconnectMailPage{Staff: testStaff, Clock: testClock(), Mail: support.ReconnectMail{
		Connection: pagetest.Connection(models.ReconnectNeeded), Company: testCompany(), LastAt: pagetest.Ago(time.Hour),
		To: []models.Recipient{{Name: "Dana Whitfield", Email: "dana@northgate.example"}, {Name: "Ruth Abara", Email: "ruth@northgate.example"}},
	}}
	for _, problem := range pagetest.Constants[support.MailProblem](t) {
		p.Mail.Problem = problem
		shown := pagetest.Show(t, ReconnectMail(p))
		shown.WellMade()
		shown.Says("2 people get it", "Dana Whitfield", "ruth@northgate.example")
		if fine := problem == support.MailFine; strings.Contains(shown.Words(), "Send it") != fine || strings.Contains(shown.Words(), "It cannot be sent now") == fine {
			t.Errorf("%q: %s", problem, shown.Words())
		}
		shown.Says(mailProblems[problem])
	}
}

// The page says truthfully why a refresh cannot help and who has to act. Only a
// grant that ServiceTitan refused was refused for good. In the end, a person always
// has to reconnect.
func TestStaffReadWhyARefreshCannotHelp(t *testing.T) {
	const forGood, reconnect = "refused for good", "a person has to reconnect"
	cases := map[models.Reason]struct {
		says    string
		refused bool
	}{
		models.ReasonNone:          {says: "renewals have stopped"},
		models.ReasonUnavailable:   {says: "renewals have stopped"}, // it is retried, and never ends like this
		models.ReasonRateLimited:   {says: "renewals have stopped"}, // nor does this
		models.ReasonGrantRefused:  {says: "ServiceTitan has refused", refused: true},
		models.ReasonClientRefused: {says: "the only client ID and secret that we have"},
		models.ReasonAnswerLost:    {says: "no valid refresh token"},
		models.ReasonNotAllowed:    {says: "A ServiceTitan admin has to allow Fieldbridge again"},
		models.ReasonUnauthorized:  {says: "Our engineers have to fix it"},
		models.ReasonTenantUnknown: {says: "The company has to find its tenant ID"},
		models.ReasonScopeMissing:  {says: "renewals have stopped"}, // only a test can have it, and it ends nothing
		models.ReasonSealBroken:    {says: "Our engineers have to find out why"},
		models.ReasonOurSide:       {says: "renewals have stopped"}, // it is retried, and never ends like this
	}
	for _, reason := range pagetest.Constants[models.Reason](t) {
		want, ok := cases[reason]
		if !ok {
			t.Errorf("there is no case for %q", reason)
			continue
		}
		p := staffPage(t, models.ReconnectNeeded, reason)
		if why := p.why(); strings.Contains(why, forGood) != want.refused {
			t.Errorf("%q: %s", reason, why)
		}
		last := reconnect
		if reason == models.ReasonNotAllowed {
			last = "chooses I have allowed it again"
		}
		pagetest.Show(t, Connection(p)).Says("A refresh cannot help: ", want.says, last)
	}
}

// Every list of connections shows with an icon and a word that a company is locked.
// A connection's page has one sentence to say.
func TestStaffSeeThatACompanyIsLocked(t *testing.T) {
	open := support.ListedConnection{Connection: pagetest.Connection(models.Connected), CompanyName: "Northgate"}
	locked := open
	locked.CompanyName, locked.CompanyLockedAt = "Delta Duct", pagetest.Ago(time.Hour)
	rows := []support.ListedConnection{open, locked}
	overview := support.Overview{ReconnectNeeded: rows, Retrying: rows}
	for name, page := range map[string]templ.Component{
		"list":     Connections(ConnectionsPage{Staff: testStaff, List: support.ConnectionPage{Connections: rows}, Clock: testClock()}),
		"overview": Overview(OverviewPage{Staff: testStaff, Overview: overview, Clock: testClock()}),
	} {
		seen := 0
		for _, row := range pagetest.Show(t, page).All("tr") {
			words := pagetest.Text(row)
			if strings.Contains(words, "Locked") != strings.Contains(words, "Delta Duct") {
				t.Errorf("%s: the row says %q", name, words)
			}
			if strings.Contains(words, "Locked") {
				seen++
			}
		}
		if seen == 0 {
			t.Errorf("%s: no row says that the company is locked", name)
		}
	}
	for _, state := range pagetest.Constants[models.State](t) {
		p := staffPage(t, state, models.ReasonGrantRefused)
		p.Missing = models.Areas([]string{"tn.crm.bookings:rw"})
		p.View.Company.LockedAt = pagetest.Ago(time.Hour)
		shown := pagetest.Show(t, Connection(p))
		if n := strings.Count(shown.Words(), "Tell them:"); n != 1 {
			t.Errorf("%s: there are %d sentences to tell", state, n)
		}
		shown.Says("Tell them: “Your account is locked for now", views.Plain(p.why()))
	}
}

// The overview leads to each group of the queue, with the same name and number.
func TestOverviewAgreesWithTheQueue(t *testing.T) {
	counts := support.QueueCounts{Everything: 21, Mine: 7, Unassigned: 8, Late: 9, Snoozed: 10, Conflicts: 1, ForUs: 2, ByHand: 3, Secrets: 6, Upgrades: 4, ForCompanies: 5}
	queue := pagetest.Show(t, Queue(QueuePage{Staff: testStaff, Clock: testClock(), Queue: support.QueuePage{Counts: counts}}))
	numbers := map[string]string{} // what the queue says, by the address that selects it
	for _, a := range queue.All("a") {
		numbers[pagetest.Value(a, "href")] = pagetest.Text(a.Parent)
	}
	overview := pagetest.Show(t, Overview(OverviewPage{Staff: testStaff, Clock: testClock(), Overview: support.Overview{Queue: counts}}))
	led := 0
	for _, a := range overview.All("a") {
		href := pagetest.Value(a, "href")
		if !strings.HasPrefix(href, queuePath+"?kind=") {
			continue
		}
		led++
		if name, n := pagetest.Text(a.Parent.PrevSibling), pagetest.Text(a); !strings.HasPrefix(numbers[href], name+" "+n+" ") {
			t.Errorf("the overview says %s: %s, the queue at %s %q", name, n, href, numbers[href])
		}
	}
	if want := len(support.QueueGroups()); led != want {
		t.Errorf("the overview leads to %d of the queue’s %d groups", led, want)
	}
	overview.Says("Mine 7", "Late 9", "Unassigned 8", "10 more snoozed")
}

func TestStaffReadWhatASetupWaitsFor(t *testing.T) {
	for _, step := range pagetest.Constants[models.SetupStep](t) {
		for _, side := range []models.Side{models.Us, models.TheCompany} {
			for problem := range sentBack {
				for _, p := range []models.Outcome{"", problem} {
					a := setupAdvice(&support.QueuedSetup{Setup: models.Setup{Step: step, WaitsFor: side, Problem: p}})
					if a.title == "" || a.text == "" || a.tell == "" {
						t.Errorf("%s, %s, %s: %+v", step, side, p, a)
					}
				}
			}
		}
	}
}

func TestEveryNoteProblemHasWords(t *testing.T) {
	for _, v := range pagetest.Constants[support.NoteProblem](t) {
		if words, ok := noteProblems[v]; !ok || (words == "") != (v == "") {
			t.Errorf("problem %q has the words %q", v, words)
		}
	}
	for _, kind := range []models.MailKind{models.MailReconnectNeeded, models.MailWorksAgain, models.MailUpgradeNeeded, models.MailSetupAllow, models.MailSetupTenant} {
		if mailWords[kind] == "" {
			t.Errorf("mail %q has no words", kind)
		}
	}
}

// The page says truthfully what a search finds, and what must be typed in full.
func TestStaffReadWhatASearchFinds(t *testing.T) {
	pagetest.Show(t, Connections(ConnectionsPage{Staff: testStaff, Filter: support.ConnectionFilter{Query: "dale"}, Clock: testClock()})).Says(
		"the beginning of a tenant ID, or of words in a company’s name", "a member’s email at least up to the @",
		"a connection ID at least up to its first hyphen", "a company’s ID, or a support code, in full",
	)
}

// Support is not offered what only admins may do.
func TestStaffAreOfferedWhatTheyMayDo(t *testing.T) {
	links := func(p pagetest.Page) string {
		var all []string
		for _, a := range p.All("a") {
			all = append(all, pagetest.Value(a, "href"))
		}
		return strings.Join(all, " ")
	}
	for role, want := range map[accounts.StaffRole]bool{accounts.Admin: true, accounts.Support: false} {
		page := staffPage(t, models.Connected, "")
		page.Staff.Role = role
		for what, part := range map[string]string{
			links(pagetest.Show(t, Connection(page))): "/disconnect",
			links(pagetest.Show(t, Company(CompanyPage{Staff: page.Staff, View: support.CompanyView{Company: testCompany()}, Clock: testClock()}))): "/lock",
			links(pagetest.Show(t, Queue(QueuePage{Staff: page.Staff, Clock: testClock()}))):                                                        "/staff/team",
		} {
			if strings.Contains(what, part) != want {
				t.Errorf("%s: %s is offered: %t", role, part, !want)
			}
		}
	}
}

// The page says that secrets exist, and nothing more.
func TestStaffSeeThatSecretsAreStored(t *testing.T) {
	p := staffPage(t, models.Connected, "")
	shown := pagetest.Show(t, Connection(p))
	shown.Says("Access token Stored, encrypted. Never shown", "Refresh token Stored, encrypted. Never shown", "Encryption key 4021")
	p.View.Stored, p.View.Connection.Way = keeper.Stored{}, models.GuidedWay
	pagetest.Show(t, Connection(p)).Says("Access token None", "Refresh token None", "Client secret None")
}

func TestStaffPagesShowHostileTextAsText(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`
	v := testView(t, models.ReconnectNeeded, models.ReasonGrantRefused)
	v.Company.Name, v.Company.LockedAt, v.Company.LockedByName, v.Company.LockReason = hostile, pagetest.Ago(time.Hour), hostile, hostile
	v.Connection.TenantName, v.Connection.ConnectedByName, v.Connection.Scopes = hostile, hostile, hostile
	v.Events = []models.Event{{Kind: models.EventRefreshFailed, ActorName: hostile, StaffName: hostile, Reason: hostile, SupportCode: hostile}}
	v.Mails, v.Keys[0].Name, v.Owners[0] = []support.SentMail{{To: hostile}}, hostile, support.Person{Name: hostile, Email: hostile}
	v.Looks[0].StaffName, v.Notes[0] = hostile, support.Note{StaffName: hostile, Text: hostile}
	company := support.CompanyView{Company: v.Company, Members: v.Owners, Keys: v.Keys, Notes: v.Notes, Events: v.Events, Connections: []models.Connection{v.Connection}}
	staff := accounts.Staff{Name: hostile, Email: hostile}
	person := support.PersonView{Person: v.Owners[0], Company: v.Company, Others: []string{hostile}, Alone: []string{hostile}, Done: []support.DoneToPerson{{StaffName: hostile, SupportCode: hostile}}}
	for name, page := range map[string]templ.Component{
		"connection": Connection(ConnectionPage{Staff: staff, View: v, Link: hostile, Did: "link", Note: hostile, NoteProblem: support.NoteEmpty, Clock: testClock()}),
		"company":    Company(CompanyPage{Staff: staff, View: company, Clock: testClock()}),
		"person":     Person(PersonPage{Staff: staff, View: person, Did: hostile, Clock: testClock()}),
		"access":     Access(AccessPage{Staff: staff, View: person, Reason: hostile}),
		"disconnect": Disconnect(DisconnectPage{Staff: staff, View: v, Reason: hostile}),
		"lock":       Lock(LockPage{Staff: staff, Company: v.Company, Reason: hostile}),
		"team":       Team(TeamPage{Staff: staff, Clock: testClock(), Team: []accounts.Staff{staff}, Email: hostile}),
		"team link":  TeamLink(TeamLinkPage{Staff: staff, Email: hostile}),
		"remove":     Remove(RemovePage{Staff: staff, Member: staff}),
	} {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, page)
			if len(p.ForeignScripts()) > 0 || len(p.All("img")) > 0 {
				t.Errorf("became markup: %s", p.Source)
			}
			if !strings.Contains(p.Source, "&lt;script&gt;") {
				t.Error("the text is not shown at all")
			}
		})
	}
}

// The sum says since when it counts.
func TestRenewalSum(t *testing.T) {
	if got := renewalSum([]support.RenewalHour{{Hour: "2026-11-22T13", OK: 3, Failed: 1}}, testClock()); got != "3 of 4 since Nov 22 at 1:00 PM." {
		t.Errorf("says %q", got)
	}
}

// Days with a problem but no failed renewal are explained.
func TestRenewalWordsExplainDowntime(t *testing.T) {
	for _, tt := range []struct {
		days []connect.RenewalDay
		want string
	}{
		{[]connect.RenewalDay{{OK: 30_064}}, "30,064 worked, 0 failed"},
		{[]connect.RenewalDay{{OK: 30_064, DownFrom: pagetest.Ago(time.Hour)}, {DownFrom: pagetest.Ago(2 * time.Hour)}}, "30,064 worked, 0 failed. Nothing to renew on 2 days without a connection"},
	} {
		if got := renewalWords(tt.days); got != tt.want {
			t.Errorf("says %q, want %q", got, tt.want)
		}
	}
}

// A search that finds a company without connections says so. A search that finds
// nothing suggests what may have been meant.
func TestSearchSaysWhatItFound(t *testing.T) {
	one := []support.FoundCompany{{Name: "Silver Creek"}}
	for _, tt := range []struct {
		list support.ConnectionPage
		want []string
	}{
		{support.ConnectionPage{Companies: one, NothingConnected: true}, []string{"Silver Creek has nothing connected yet."}},
		{support.ConnectionPage{Companies: append(one, one...), NothingConnected: true}, []string{"These companies have nothing connected yet."}},
		{support.ConnectionPage{Companies: one}, []string{"No connection matches"}},
		{support.ConnectionPage{Suggestion: support.Suggestion{Query: "silver creek", Name: "Silver Creek"}}, []string{"No connection matches", "Did you mean Silver Creek?"}},
	} {
		p := pagetest.Show(t, Connections(ConnectionsPage{Staff: testStaff, Filter: support.ConnectionFilter{Query: "silver crek"}, List: tt.list, Clock: testClock()}))
		p.Says(tt.want...)
	}
}

// An event that a newer program recorded does not break the staff page.
func TestUnknownEventHasWords(t *testing.T) {
	p := staffPage(t, models.Connected, models.ReasonNone)
	p.View.Events = []models.Event{{Kind: "fraud_suspected", At: *pagetest.Ago(time.Hour)}}
	pagetest.Show(t, Connection(p)).Says("Something new", "fraud_suspected")
}

// New access has not been renewed yet, and no part of the page says that it has.
func TestAccessIsGivenBeforeItIsRenewed(t *testing.T) {
	c := pagetest.Connection(models.Connected)
	c.ConnectedAt = c.RenewedAt
	page := staffPage(t, models.Connected, "")
	page.View.Connection, page.View.Days = c, []connect.RenewalDay{{Day: "2026-11-22"}, {Day: "2026-11-23"}}
	shown := pagetest.Show(t, Connection(page))
	shown.Says("Access was given 4 minutes ago and renews automatically.", "Access given 12:32 PM", "Renewals None")
	shown.DoesNotSay("Last renewed", "Renewed 12", "renews again", "renewed yet")
}

// A day on which somebody had to reconnect has a problem, whatever was renewed on
// it before.
func TestHealthStripShowsWhenSomebodyHadToReconnect(t *testing.T) {
	midnight, part := pagetest.Noon.Truncate(24*time.Hour), pagetest.Noon.AddDate(0, 0, -3)
	c := pagetest.Connection(models.ReconnectNeeded)
	days := []connect.RenewalDay{
		{Day: "2026-11-19"},
		{Day: "2026-11-20", OK: 90, DownFrom: &part, UpAgain: true},
		{Day: "2026-11-21", OK: 96},
		{Day: "2026-11-22", OK: 70, DownFrom: c.FailingSince},
		{Day: "2026-11-23", DownFrom: &midnight},
	}
	page := staffPage(t, models.ReconnectNeeded, models.ReasonNotAllowed)
	page.View.Connection, page.View.Days = c, days
	shown := pagetest.Show(t, Connection(page))
	shown.Says("1 of 4 days without a problem", "3 days with a problem", "Nov 19: nothing to renew", "Nov 20: not connected for part of the day", "Nov 21: all renewals worked")
	shown.Says("Nov 22: not connected since 6:36 PM UTC", "Nov 23: not connected")
	var tones []string
	for _, bar := range shown.All("rect") {
		if tone := pagetest.Value(bar, "data-tone"); tone != "" {
			tones = append(tones, tone)
		}
	}
	if want := []string{"off", "bad", "ok", "bad", "bad"}; !slices.Equal(tones[:len(tones)/2], want) {
		t.Errorf("bars are %q, want %q", tones, want)
	}
}

// A demo asks nobody for a second step, so its team page reports none as missing.
func TestDemoAsksForNoSecondStep(t *testing.T) {
	team := Team(TeamPage{Staff: testStaff, Clock: testClock(), Team: []accounts.Staff{{UserID: testStaff.UserID, Name: "Lee", Email: "lee@f.example", SetUp: true}}})
	const real, demo = "No second step yet", "Not asked for in a demo"
	outside := pagetest.Show(t, team)
	outside.Says(real)
	outside.DoesNotSay(demo)
	inside := pagetest.Show(t, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return team.Render(views.InDemo(ctx, &views.Demo{}, "Lee"), w)
	}))
	inside.Says(demo)
	inside.DoesNotSay(real)
}

func TestEveryPageIsWellMade(t *testing.T) {
	for name, c := range everyPage(t) {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, c)
			p.WellMade()
			p.Isolated()
		})
	}
}

func TestBannerComesByTheContext(t *testing.T) {
	ctx := views.InDemo(t.Context(), &views.Demo{}, "Dana Whitfield")
	for name, page := range everyPage(t) {
		pagetest.Bannered(ctx, t, name, page)
		pagetest.Show(t, page).DoesNotSay("Nothing here is real")
	}
}

// The words around a name keep their order.
func TestIsolation(t *testing.T) {
	const hebrew = "שלום קירור"
	p := pagetest.Show(t, Lock(LockPage{Staff: testStaff, Company: accounts.Company{Name: hebrew}}))
	if !strings.Contains(p.Source, "<title>Lock \u2068"+hebrew+"\u2069?, support console · ") || !strings.Contains(p.Source, "Lock <bdi>"+hebrew+"</bdi>?") {
		t.Errorf("the question is not isolated: %s", p.Source)
	}
	p = pagetest.Show(t, Team(TeamPage{Staff: testStaff, Clock: testClock(), Team: []accounts.Staff{{Name: hebrew, Email: "x@f.example", SetUp: true}}}))
	if !strings.Contains(p.Source, "Remove \u2068"+hebrew+"\u2069\"") {
		t.Errorf("the label is not isolated: %s", p.Source)
	}
}
