package views

import (
	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
)

// timelineParts has the words of the parts of a timeline: the name of the part, and what
// it says if it has no events.
var timelineParts = map[models.TimelinePart]struct{ name, none string }{
	models.WholeTimeline: {"Everything", "Nothing has happened yet."},
	models.Problems:      {"Problems", "There were no problems."},
	models.ByPeople:      {"By people", "Nobody has done anything yet."},
	models.SettingUp:     {"Setup", "Nothing has been set up yet."},
}

// NothingIn says that a part of a timeline has no events.
func NothingIn(part models.TimelinePart) string { return timelineParts[part].none }

// TimelinePath returns the address of a connection's page that shows a part of its
// timeline.
func TimelinePath(path string, part models.TimelinePart) string {
	if part == models.WholeTimeline {
		return path
	}
	return path + "?show=" + string(part)
}

// TimelineTabs are links to the parts of a connection's timeline.
func TimelineTabs(path string, shown models.TimelinePart) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<nav class="tabs" aria-label="What to show">`)
		for _, part := range models.TimelineParts() {
			p.html(`<a href="`)
			p.text(TimelinePath(path, part))
			p.html(`#activity"`)
			if part == shown {
				p.html(` aria-current="true"`)
			}
			p.html(`>`)
			p.text(timelineParts[part].name)
			p.html(`</a>`)
		}
		p.html(`</nav>`)
	})
}
