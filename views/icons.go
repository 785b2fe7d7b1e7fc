package views

import (
	"fmt"

	"github.com/a-h/templ"
)

// glyphs holds the outlines of the icons, on a square of 20 by 20.
var glyphs = map[string]string{
	"arrow":    "M4 10h12M11 5l5 5-5 5",
	"back":     "M16 10H4M9 5l-5 5 5 5",
	"bad":      "M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0zM7.5 7.5l5 5M12.5 7.5l-5 5",
	"bolt":     "M11 2.5 4.5 11.5h4.6l-.6 6 6.8-9.2h-4.7z",
	"bridge":   "M2.5 13.5h15M3 13.5C5 5.5 15 5.5 17 13.5M7 9v4.5M10 7.7v5.8M13 9v4.5M4.5 13.5v2.8M15.5 13.5v2.8",
	"building": "M4 17V4.5L11 3v14M11 7.5l5 1.5v8M2.5 17h15M6.8 7h1.5M6.8 10h1.5M6.8 13h1.5",
	"calendar": "M5 4.5h10a2 2 0 0 1 2 2v8.5a2 2 0 0 1-2 2h-10a2 2 0 0 1-2-2v-8.5a2 2 0 0 1 2-2zM3 8.5h14M7 2.8v3M13 2.8v3",
	"check":    "M4.5 10.5 8.5 14.5 15.5 6.2",
	"clock":    "M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0zM10 5.8v4.4l2.8 1.7",
	"copy":     "M7 7h10v10H7zM13 4V3H3v10h1",
	"device":   "M3.5 4.5h13v8.5h-13zM7.5 16.5h5M10 13v3.5",
	"down":     "M10 4v12M5 11l5 5 5-5",
	"even":     "M4 10h12",
	"ext":      "M8 4.5H5.5A1.5 1.5 0 0 0 4 6v8.5A1.5 1.5 0 0 0 5.5 16H14a1.5 1.5 0 0 0 1.5-1.5V12M11.5 3.5h5v5M16.3 3.7 9.5 10.5",
	"eye":      "M2 10s2.9-5 8-5 8 5 8 5-2.9 5-8 5-8-5-8-5zM7.7 10a2.3 2.3 0 1 0 4.6 0a2.3 2.3 0 1 0-4.6 0z",
	"home":     "M3.5 9.2 10 3.5l6.5 5.7M5.2 8v8.2h9.6V8M8.3 16.2v-4.4h3.4v4.4",
	"info":     "M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0zM10 9.2v4.5M10 6.5v.01",
	"key":      "M3.5 13.2a3.3 3.3 0 1 0 6.6 0a3.3 3.3 0 1 0-6.6 0zM9.2 10.8l7.3-7.3M13.3 6.7l2.4 2.4",
	"life":     "M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0zM7 10a3 3 0 1 0 6 0a3 3 0 1 0-6 0zM4.9 4.9l3 3M12.1 12.1l3 3M15.1 4.9l-3 3M7.9 12.1l-3 3",
	"lock":     "M6 9h8a1.8 1.8 0 0 1 1.8 1.8v4.4a1.8 1.8 0 0 1-1.8 1.8h-8a1.8 1.8 0 0 1-1.8-1.8v-4.4a1.8 1.8 0 0 1 1.8-1.8zM7 9V6.5a3 3 0 0 1 6 0V9",
	"mail":     "M4.6 4.5h10.8a1.8 1.8 0 0 1 1.8 1.8v7.4a1.8 1.8 0 0 1-1.8 1.8h-10.8a1.8 1.8 0 0 1-1.8-1.8v-7.4a1.8 1.8 0 0 1 1.8-1.8zM3.3 6l6.7 5 6.7-5",
	"menu":     "M3 6h14M3 10h14M3 14h14",
	"more":     "M3.9 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0zM9.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0zM14.9 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0z",
	"next":     "M8 5.5 12.5 10 8 14.5",
	"note":     "M4 3.5h12v9l-4 4H4zM16 12.5h-4v4M7 7h6M7 10h3.5",
	"off":      "M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0zM6.8 10h6.4",
	"ok":       "M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0zM6.8 10.3 9 12.5 13.3 7.8",
	"out":      "M8 17H5a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 5 3h3M12.5 13.5 16 10l-3.5-3.5M16 10H8",
	"pencil":   "M3.8 16.2l.9-3.6 8.7-8.7a1.6 1.6 0 0 1 2.3 0l.4.4a1.6 1.6 0 0 1 0 2.3l-8.7 8.7z",
	"phone":    "M4.8 3.2h2.6l1.3 3.3-1.8 1.3a9.4 9.4 0 0 0 5.3 5.3l1.3-1.8 3.3 1.3v2.6a1.8 1.8 0 0 1-1.8 1.8A12.3 12.3 0 0 1 3 5a1.8 1.8 0 0 1 1.8-1.8z",
	"plus":     "M10 4v12M4 10h12",
	"prev":     "M12 5.5 7.5 10l4.5 4.5",
	"receipt":  "M5 2.8h10v14.4l-2.5-1.6-2.5 1.6-2.5-1.6L5 17.2zM8 7h4M8 10.5h4",
	"refresh":  "M16.8 9A6.9 6.9 0 0 0 4.3 6.2L3 7.8M3 4v3.8h3.8M3.2 11a6.9 6.9 0 0 0 12.5 2.8l1.3-1.6M17 16v-3.8h-3.8",
	"search":   "M3.5 9a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0zM13.2 13.2 17 17",
	"send":     "M17 3 9 11M17 3l-5 14-3-6-6-3z",
	"settings": "M3 6h7.5M15.5 6H17M3 14h1.5M9.5 14H17M10.8 6a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0zM4.8 14a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0z",
	"shield":   "M10 2.8 16 5v4.6c0 3.7-2.5 6.3-6 7.6-3.5-1.3-6-3.9-6-7.6V5zM7.3 9.9l2 2 3.4-3.7",
	"spin":     "M10 2.8a7.2 7.2 0 1 1-7.2 7.2",
	"toolbox":  "M4.1 7.5h11.8a1.6 1.6 0 0 1 1.6 1.6v5.8a1.6 1.6 0 0 1-1.6 1.6h-11.8a1.6 1.6 0 0 1-1.6-1.6v-5.8a1.6 1.6 0 0 1 1.6-1.6zM7 7.5V5.8A1.8 1.8 0 0 1 8.8 4h2.4A1.8 1.8 0 0 1 13 5.8v1.7M2.5 11.5h5M12.5 11.5h5M8.3 10.3h3.4a0.8 0.8 0 0 1 0.8 0.8v1a0.8 0.8 0 0 1-0.8 0.8h-3.4a0.8 0.8 0 0 1-0.8-0.8v-1a0.8 0.8 0 0 1 0.8-0.8z",
	"trash":    "M4 5.5h12M8 5.5V3.8h4v1.7M5.5 5.5l.7 10.6a1 1 0 0 0 1 .9h5.6a1 1 0 0 0 1-.9l.7-10.6",
	"unplug":   "M7.5 3v3.5M12.5 3v3.5M5.5 6.5h9v3a4.5 4.5 0 0 1-9 0zM10 14v3.5",
	"up":       "M10 16V4M5 9l5-5 5 5",
	"updown":   "M6.8 8 10 4.8 13.2 8M6.8 12l3.2 3.2 3.2-3.2",
	"user":     "M7 7a3 3 0 1 0 6 0a3 3 0 1 0-6 0zM4 16.8c0-3.2 2.7-5 6-5s6 1.8 6 5",
	"userkey":  "M5 6.5a3 3 0 1 0 6 0a3 3 0 1 0-6 0zM2.5 16.5c0-3.2 2.4-5 5.5-5 1.2 0 2.3.3 3.2.8M13 12.2a2 2 0 1 0 4 0a2 2 0 1 0-4 0zM15 14.2v3.3M15 16h1.6",
	"users":    "M4.7 7a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0zM2.5 16.5c0-3 2.2-4.7 5-4.7s5 1.7 5 4.7M12.8 4.5a2.7 2.7 0 0 1 0 5M14.6 12.2c1.8.6 2.9 2.1 2.9 4.3",
	"warn":     "M10 3 17.6 16.2a.7.7 0 0 1-.6 1H3a.7.7 0 0 1-.6-1zM10 8v4M10 14.5v.01",
	"wrench":   "M16.4 6.2a4.3 4.3 0 0 1-5.7 4.5l-5 5a1.7 1.7 0 0 1-2.4-2.4l5-5a4.3 4.3 0 0 1 5.5-4.7l-2.4 2.4.3 2.3 2.3.3z",
}

// The icons are drawn once, since no request changes them.
var (
	icons        = draw(`<svg class="i" viewBox="0 0 20 20" aria-hidden="true"><path d="`)
	smallIcons   = draw(`<svg class="i s" viewBox="0 0 20 20" aria-hidden="true"><path d="`)
	turningIcons = draw(`<svg class="i spin" viewBox="0 0 20 20" aria-hidden="true"><path d="`)
)

// draw returns all icons. start is what comes before their outlines.
func draw(start markup) map[string]templ.Component {
	drawn := make(map[string]templ.Component, len(glyphs))
	for name, outline := range glyphs {
		drawn[name] = start + escaped(outline) + `"/></svg>`
	}
	return drawn
}

// Icon shows an icon. The text next to it says what it means.
func Icon(name string) templ.Component { return find(icons, name) }

// SmallIcon shows a small icon.
func SmallIcon(name string) templ.Component { return find(smallIcons, name) }

// turningIcon shows an icon that turns while something is going on.
func turningIcon(name string) templ.Component { return find(turningIcons, name) }

func find(drawn map[string]templ.Component, name string) templ.Component {
	if icon, ok := drawn[name]; ok {
		return icon
	}
	return byHand(func(p *pen) { p.err = fmt.Errorf("no icon %q", name) })
}

// Mark draws our logo. favicon.svg is the same.
func Mark() templ.Component { return mark }

const mark = markup(`<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0b5a6e"></rect><path d="M5.5 20C8.5 7.6 23.5 7.6 26.5 20" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round"></path><path d="M11 14.2V20M16 12V20M21 14.2V20" stroke="#fff" stroke-width="1.6" opacity=".75"></path><path d="M4.5 21.2h23" stroke="#f0a868" stroke-width="2.8" stroke-linecap="round"></path></svg>`)
