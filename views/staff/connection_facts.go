package staff

import (
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// factLine is one fact about a connection. The page and the text for a ticket show the
// same lines.
type factLine struct {
	label, text string
	// at is when it is or was; nil if the fact is not a moment. text is then empty, or
	// stands before the time.
	at *time.Time
	// copied says that people copy the text, such as an ID. It is shown as code.
	copied bool
}

// factLines returns what is known about the connection, without any secret.
func (p ConnectionPage) factLines() []factLine {
	c, stored := p.View.Connection, p.View.Stored
	var lines []factLine
	say := func(label, text string) {
		if text != "" {
			lines = append(lines, factLine{label: label, text: text})
		}
	}
	when := func(label string, at *time.Time) {
		if at != nil && !at.IsZero() {
			lines = append(lines, factLine{label: label, at: at})
		}
	}
	id := func(label, text string) {
		if text != "" {
			lines = append(lines, factLine{label: label, text: text, copied: true})
		}
	}
	id("Tenant ID", p.tenant())
	say("Environment", c.Environment.Label())
	say("Method", views.OptionLabel(string(c.Way)))
	if !c.ConnectedAt.IsZero() {
		say("Connected by", views.Isolate(c.ConnectedByName)+", "+p.Clock.Date(c.ConnectedAt))
		when(renewedLabel(c), &c.RenewedAt)
		if stored.Access {
			when(expiryLabel(stored.ExpiresAt, p.Clock), &stored.ExpiresAt)
		}
		when(nextLabel(c, p.Clock), c.NextRenewalAt)
		when("Failing since", c.FailingSince)
		if p.Outage != nil {
			when("Outage since", &p.Outage.BeganAt)
		}
		if c.Failures > 0 {
			say("Failed attempts", strconv.Itoa(c.Failures)+" in a row")
		}
		lines = append(lines, p.checkLines()...)
		if days := p.View.Days; len(days) > 0 {
			say("Renewals today", renewalWords(days[len(days)-1:]))
			say("Last 30 days", renewalWords(days))
			say("Checks today", checkWords(days[len(days)-1:]))
			say("Checks in 30 days", checkWords(days))
		}
		when("Last used", c.LastUsedAt)
		if c.TestedAt != nil {
			result := "Did not pass, "
			if c.TestPassed {
				result = "Passed, "
			}
			lines = append(lines, factLine{label: "Last test", text: result, at: c.TestedAt})
		}
		say("Access", p.accessWords())
	}
	if m, at := p.lastContact(); at != nil {
		lines = append(lines, factLine{label: "Last contact", text: m, at: at})
	}
	say("Access token", sealedWords(stored.Access))
	say("Refresh token", sealedWords(stored.Refresh))
	if c.Way != models.SignInWay {
		say("Client secret", sealedWords(stored.ClientSecret))
		when("Secret since", c.SecretAt)
	}
	if stored.Access {
		id("Encryption key", strconv.FormatUint(uint64(stored.KeyID), 10))
	}
	if code := p.lastCode(true); code != "" {
		id("Code of the last failure", code)
	} else {
		id("Code of the last event", p.lastCode(false))
	}
	if len(p.View.Keys) == 0 {
		say("API keys", "None")
	}
	if len(p.View.Reads) == 0 {
		say("Who read its access", "No API key")
	}
	id("Connection ID", c.ID.String())
	id("Company ID", c.CompanyID.String())
	return lines
}

// checkLines says what the scheduled checks have found.
func (p ConnectionPage) checkLines() []factLine {
	k := p.View.Check
	lines := []factLine{{label: "Last answered", at: k.AnsweredAt}}
	if k.AnsweredAt == nil {
		lines[0].text = "Not yet"
	}
	if k.Failures > 0 {
		lines = append(lines, factLine{label: "Last check", at: k.TriedAt}, factLine{label: "Checks fail since", at: k.FailingSince},
			factLine{label: "Failed checks", text: strconv.Itoa(k.Failures) + " in a row, code " + string(k.Reason)})
	}
	if k.DueAt != nil {
		lines = append(lines, factLine{label: checkLabel(k, p.Clock), at: k.DueAt})
	}
	return lines
}

// lastContact says how and when the company was last told something about the
// connection by mail. at is nil if it was not.
func (p ConnectionPage) lastContact() (words string, at *time.Time) {
	for _, m := range p.View.Mails {
		if m.SentAt != nil {
			return mailWords[m.Kind] + ", by email to " + views.Isolate(m.To) + ", ", m.SentAt
		}
	}
	return "", nil
}

// lastCode returns the support code of the newest event that has one, of all events or of
// those that say why something failed.
func (p ConnectionPage) lastCode(failed bool) string {
	for _, e := range p.View.Events {
		if e.SupportCode != "" && (!failed || e.Reason != "") {
			return e.SupportCode
		}
	}
	return ""
}

// apart returns how long ago t was, or how long it is until then: "2 days ago", "in 5
// minutes".
func apart(now, t time.Time) string {
	d := now.Sub(t)
	later := d < 0
	if later {
		d = -d
	}
	words := ""
	switch {
	case d < time.Minute && later:
		return "in a moment"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		words = views.Plural(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		words = views.Plural(int(d.Hours()), "hour", "hours")
	default:
		words = views.Plural(int(d.Hours()/24), "day", "days")
	}
	if later {
		return "in " + words
	}
	return words + " ago"
}
