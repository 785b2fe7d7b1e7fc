package staff

import (
	"strings"

	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// reply returns a whole answer to the customer, for a mail or a chat: what happened, what to
// do, and where. It holds no secret: the link works for signed-in members only.
func (p ConnectionPage) reply(sentence string) string {
	greeting := "Hello,"
	if name := firstWord(p.customer()); name != "" {
		greeting = views.Plain("Hi " + views.Isolate(name) + ",")
	}
	signed := "Fieldbridge support"
	if name := firstWord(p.Staff.Name); name != "" {
		signed = views.Plain(views.Isolate(name)) + "\n" + signed
	}
	return strings.Join([]string{greeting, sentence, "Your connection’s page: " + p.Link, signed}, "\n\n")
}

// customer returns the name of the person whom support probably talks to: who asked for the
// setup, or the only owner who can sign in. It is empty if there are several.
func (p ConnectionPage) customer() string {
	if s := p.View.Setup; s != nil && s.RequestedByName != "" {
		return s.RequestedByName
	}
	var able []support.Person
	for _, o := range p.View.Owners {
		if o.DisabledAt == nil {
			able = append(able, o)
		}
	}
	if len(able) == 1 {
		return able[0].Name
	}
	return ""
}

// firstWord returns the first word of a name. It is empty for an email address, which
// people who have not said their name have instead.
func firstWord(name string) string {
	words := strings.Fields(views.Shown(name))
	if len(words) == 0 || strings.Contains(words[0], "@") {
		return ""
	}
	return words[0]
}
