package accounts

import "strings"

// Agent is a browser and its operating system, in words of ours. A word is empty if
// the browser did not say it in a way that we know.
type Agent struct{ Browser, System string }

// String returns the agent as a person reads it, such as "Chrome on Windows".
func (a Agent) String() string {
	switch {
	case a.Browser != "" && a.System != "":
		return a.Browser + " on " + a.System
	case a.Browser != "":
		return a.Browser
	case a.System != "":
		return "A browser on " + a.System
	}
	return "A browser"
}

// agentRead is how much of the header is read. Browsers send far less.
const agentRead = 512

// sign is a part of the header that shows what it comes from.
type sign struct{ part, word string }

// The first sign that the header has counts: most browsers also name those that
// they descend from.
var (
	browserSigns = []sign{
		{"Edg/", "Edge"},
		{"EdgA/", "Edge"},
		{"EdgiOS/", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"},
		{"CriOS/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systemSigns = []sign{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"CrOS", "ChromeOS"},
		{"Macintosh", "Mac"},
		{"Linux", "Linux"},
	}
)

// ParseAgent returns the browser that a User-Agent header names. It returns only
// words from the lists above, whatever the header contains.
func ParseAgent(header string) Agent {
	header = header[:min(len(header), agentRead)]
	return Agent{Browser: firstSign(header, browserSigns), System: firstSign(header, systemSigns)}
}

func firstSign(header string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(header, s.part) {
			return s.word
		}
	}
	return ""
}
