package views

import (
	"time"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
)

// The components of this file are on most pages, many times.

// Told shows a sentence with names from Isolate.
func Told(sentence string) templ.Component {
	return byHand(func(p *pen) { p.told(sentence) })
}

// When shows a moment in the given words.
func When(t time.Time, words string) templ.Component {
	return byHand(func(p *pen) { p.time(t, words) })
}

// Badge shows a status, always with an icon and a word.
func Badge(tone, iconName, word string) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<span class="badge" data-tone="`)
		p.text(tone)
		p.html(`">`)
		p.component(Icon(iconName))
		p.text(word)
		p.html(`</span>`)
	})
}

// rightTag says whether an area may only be viewed or also changed.
func rightTag(area models.Area) templ.Component {
	if area.Change {
		return markup(`<span class="tag">View and change</span>`)
	}
	return markup(`<span class="tag">View</span>`)
}

// technicalNames lists scopes with the names that ServiceTitan uses.
func technicalNames(scopes []string) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<details class="sm"><summary>Show the technical names</summary><p class="row">`)
		for _, scope := range scopes {
			p.html(`<code>`)
			p.text(scope)
			p.html(`</code>`)
		}
		p.html(`</p></details>`)
	})
}

// menuEntry is a line of the menu.
func menuEntry(href, icon, name string, here, itself bool) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<li><a href="`)
		p.text(href)
		if here {
			p.html(`" aria-current="`)
			p.text(currentness(itself))
		}
		p.html(`">`)
		p.component(Icon(icon))
		p.html(`<span class="grow">`)
		p.text(name)
		p.html(`</span></a></li>`)
	})
}

// currentness returns the value of aria-current for a link to the page itself, or
// to the section of the page.
func currentness(itself bool) string {
	if itself {
		return "page"
	}
	return "true"
}

// entry is a line of a timeline.
func entry(e models.Event, clock Clock) templ.Component {
	return byHand(func(p *pen) {
		words := events[e.Kind]
		p.html(`<li data-tone="`)
		p.text(words.Tone)
		p.html(`"><span>`)
		p.component(SmallIcon(words.Icon))
		p.html(`</span><div><b>`)
		p.text(words.Title)
		p.html(`</b><p><span>`)
		p.told(words.Text(e))
		p.html(`</span> `)
		if e.Repeats > 0 {
			p.html(`<span>`)
			p.text(Times(e, clock))
			p.html(`</span> `)
		}
		if troubled(e) {
			p.html(`<span>Support code <code>`)
			p.text(e.SupportCode)
			p.html(`</code></span>`)
		}
		p.html(`</p></div>`)
		p.time(e.At, clock.Stamp(e.At))
		p.html(`</li>`)
	})
}
