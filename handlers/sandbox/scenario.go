package sandbox

import "errors"

// scenario is a card of the stage: one thing that can go wrong, with one switch. The
// switch plans a fault that stays until it is switched off, or does something to what
// is there and undoes it.
type scenario struct {
	id, name string
	// does says what happens at ServiceTitan, and will says what Fieldbridge does.
	does, will string
	// fault is what the switch plans. Its kind is empty if the switch has a knob.
	fault Fault
	knob  *knob
	// more lists the fields that the card offers besides the switch.
	more []scenarioField
	// scope says that the card offers a choice of scopes.
	scope bool
}

// knob is a switch that changes what is there.
type knob struct {
	on  func(s *Sandbox, tenantID int64, scope string) error
	off func(s *Sandbox, tenantID int64)
}

// scenarioField is a field of a card, with the value that it has at first. The names
// are those of the fault form.
type scenarioField struct{ name, label, value string }

// scenarios returns the cards in the order in which a demo shows them best.
func scenarios() []scenario {
	times := scenarioField{"times", "Number of requests (empty: until you switch it off)", ""}
	once := scenarioField{times.name, times.label, "1"}
	retryAfter := scenarioField{"seconds", "Retry-After, in seconds", "30"}
	list := []scenario{
		{
			id: "down", name: "ServiceTitan is down",
			does:  "Every request is answered with 503, Service Unavailable.",
			will:  "Shows Retrying after the next renewal, and asks nobody to do anything. Reconnects by itself once you switch this off.",
			fault: Fault{Kind: Status503, Path: Everywhere}, more: []scenarioField{times, retryAfter},
		},
		{
			id: "slow", name: "Answers are slow",
			does:  "Each renewal takes 5 seconds.",
			will:  "Waits for up to 10 seconds, so the connection stays Connected. Beyond that, the answer is lost.",
			fault: Fault{Kind: Slow, Path: PathToken}, more: []scenarioField{{"seconds", "Seconds", "5"}, times},
		},
		{
			id: "withdrawn", name: "Access is withdrawn",
			does: "The company’s administrator removes Fieldbridge. Off allows it again, but a company that signed in has to reconnect.",
			will: "Shows Needs reconnect after the next renewal, with one button, and sends one email to the owners.",
			knob: &knob{
				on:  func(s *Sandbox, tenantID int64, _ string) error { _, err := s.Do(Withdraw, tenantID); return err },
				off: func(s *Sandbox, tenantID int64) { s.enableAll(tenantID) },
			},
		},
		{
			id: "secret", name: "The client secret is deleted",
			does: "For a company with its own client ID: its secrets stop working. Off brings them back.",
			will: "Shows Needs reconnect after the next renewal, and asks for the new secret.",
			knob: &knob{
				on:  func(s *Sandbox, tenantID int64, _ string) error { return s.hideSecrets(tenantID) },
				off: func(s *Sandbox, tenantID int64) { s.showSecrets(tenantID) },
			},
		},
		{
			id: "silent", name: "The app is disabled, with tokens as before",
			does: "ServiceTitan issues tokens, and the API refuses them all.",
			will: "Finds out with its next two checks, shows Needs reconnect, and says that ServiceTitan does not allow Fieldbridge.",
			knob: &knob{
				on: func(s *Sandbox, tenantID int64, _ string) error {
					_, err := s.Do(DisableSilently, tenantID)
					return err
				},
				off: func(s *Sandbox, tenantID int64) { _, _ = s.limit(tenantID, func(l *limit) { l.disabled = false }) },
			},
		},
		{
			id: "scope", name: "Part of the access is lost",
			does: "New tokens lack one scope.",
			will: "Keeps working, and says after the next renewal what is missing and who can bring it back.", scope: true,
			knob: &knob{
				on: func(s *Sandbox, tenantID int64, scope string) error {
					_, err := s.do(LoseScope, tenantID, scope)
					return err
				},
				off: func(s *Sandbox, tenantID int64) { _, _ = s.limit(tenantID, func(l *limit) { l.lost = nil }) },
			},
		},
		{
			id: "limit", name: "Too many requests",
			does:  "Renewals are answered with 429, and with Retry-After.",
			will:  "Shows Retrying after the next renewal, and sends nothing until Retry-After has passed.",
			fault: Fault{Kind: Status429, Path: PathToken}, more: []scenarioField{retryAfter, times},
		},
		{
			id: "tenant", name: "ServiceTitan does not know the tenant ID",
			does:  "The API answers 404, as it does for a wrong number.",
			will:  "Shows Needs reconnect after the next check, and says that ServiceTitan does not know the tenant ID.",
			fault: Fault{Kind: Status404, Path: WholeAPI}, more: []scenarioField{times},
		},
		{
			id: "lost", name: "One answer is lost",
			does:  "ServiceTitan renews access, and its answer never arrives.",
			will:  "Asks again at once. Without a grace time, it then asks for a reconnect.",
			fault: Fault{Kind: ResetAfter, Path: PathToken}, more: []scenarioField{once},
		},
		{
			id: "deny", name: "The administrator says no",
			does:  "The next Allow comes back as Deny.",
			will:  "Says that access was not given, that nothing has changed, and how to try again.",
			fault: Fault{Kind: Deny, Path: PathAuthorize}, more: []scenarioField{once},
		},
		{
			id: "expired", name: "The way back takes too long",
			does:  "The next Allow comes back with a code that has expired.",
			will:  "Says what expired, and starts again with one button.",
			fault: Fault{Kind: ExpiredCode, Path: PathAuthorize}, more: []scenarioField{once},
		},
		{
			id: "clock", name: "ServiceTitan’s clock is off",
			does:  "Its clock is 10 minutes ahead.",
			will:  "Keeps working, because it goes by its own clock.",
			fault: Fault{Kind: ClockSkew, Path: Everywhere}, more: []scenarioField{{"minutes", "Minutes ahead (negative: behind)", "10"}, times},
		},
	}
	return list
}

var errNoScenario = errors.New("there is no such switch")

// scenarioByID returns a card.
func scenarioByID(id string) (scenario, error) {
	for _, c := range scenarios() {
		if c.id == id {
			return c, nil
		}
	}
	return scenario{}, errNoScenario
}

// enableAll lets the app of tenants work again that disabled it.
func (s *Sandbox) enableAll(tenantID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, i := range s.app.installs {
		if i.state == disabled && (tenantID == 0 || id == tenantID) {
			i.state = allowed
		}
	}
}

// errNoClient says that a company has no secret that could be deleted.
var errNoClient = errors.New("this company has no client ID of its own; it connected by signing in")

// hideSecrets makes the secrets of tenants stop working until showSecrets.
func (s *Sandbox) hideSecrets(tenantID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	hidden := 0
	for id, i := range s.app.installs {
		if i.clientID != "" && i.secrets != [slots]sum{} && (tenantID == 0 || id == tenantID) {
			i.hidden, i.secrets = i.secrets, [slots]sum{}
			hidden++
		}
	}
	if hidden == 0 {
		return errNoClient
	}
	return nil
}

// showSecrets makes hidden secrets work again, except those that were replaced.
func (s *Sandbox) showSecrets(tenantID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, i := range s.app.installs {
		if tenantID != 0 && id != tenantID {
			continue
		}
		for slot, secret := range i.hidden {
			if i.secrets[slot] == (sum{}) {
				i.secrets[slot] = secret
			}
		}
		i.hidden = [slots]sum{}
	}
}
