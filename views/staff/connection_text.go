package staff

import (
	"strings"

	"github.com/fieldbridge/fieldbridge/views"
)

// text returns the page as plain text, to paste into a ticket. Like the page, it holds no
// secret. It leaves out the notes, since tickets may have other readers.
func (p ConnectionPage) text() string {
	var b strings.Builder
	line := func(parts ...string) {
		b.WriteString(views.Plain(strings.Join(parts, "")))
		b.WriteString("\n")
	}
	c := p.View.Connection
	line(views.Isolate(p.View.Company.Name), ": ", views.WordsOfState(views.ShownState(c)).Word)
	if p.StaffLink != "" {
		line(p.StaffLink)
	}
	line()
	a := p.advice()
	line(a.title, since(p))
	line(p.why())
	if c.Reason != "" {
		line("Code: ", string(c.Reason))
	}
	if a.answer != "" {
		line("ServiceTitan answers: ", a.answer)
	}
	if p.View.Company.LockedAt == nil {
		line("Tell them: “", a.tell, "”")
	}
	line()
	for _, f := range p.factLines() {
		text := f.text
		if f.at != nil {
			text += views.MachineTime(*f.at) + " (" + apart(p.Clock.Now, *f.at) + ")"
		}
		line(f.label, ": ", text)
	}
	if len(p.View.Events) > 0 {
		line()
		line("Last events, newest first:")
	}
	for _, e := range p.View.Events {
		words := views.WordsOfEvent(e.Kind)
		line(views.MachineTime(e.At), " ", strings.Join(said(words.Title, words.Text(e), "Code: "+string(e.Reason), "Support code: "+e.SupportCode), " · "))
	}
	return strings.TrimRight(b.String(), "\n")
}

// said leaves out parts that say nothing.
func said(parts ...string) []string {
	var list []string
	for _, part := range parts {
		if part != "" && !strings.HasSuffix(part, ": ") {
			list = append(list, part)
		}
	}
	return list
}

// since says since when the connection is in its state.
func since(p ConnectionPage) string {
	if at := p.since(); at != nil {
		return " since " + views.MachineTime(*at) + " (" + apart(p.Clock.Now, *at) + ")"
	}
	return ""
}
