package views

import (
	"maps"
	"net/url"
	"slices"

	"github.com/fieldbridge/fieldbridge/models"
)

// The list's address holds the whole filter, so that it can be shared.
const (
	listPath  = "/staff/connections"
	csvPath   = "/staff/connections.csv"
	queuePath = "/staff/queue"
)

// ParseFilter reads the filter of a list's address. A value that nobody offers
// picks nothing out.
func ParseFilter(v url.Values) models.ConnectionFilter {
	return models.ConnectionFilter{
		Query:       v.Get("q"),
		Status:      offered(v.Get("status"), models.Statuses()),
		Environment: offered(v.Get("env"), environmentsListed),
		Way:         offered(v.Get("way"), waysListed),
		Reason:      offered(v.Get("reason"), reasonsListed),
		Age:         offered(v.Get("age"), models.Ages()),
		Order:       offered(v.Get("sort"), models.Orders()),
	}
}

// UnknownFilters are the names and values of an address that ParseFilter and
// ParseCursor do not understand. An address is shared, so a list that passed over
// them would show other connections than were meant.
func UnknownFilters(v url.Values) []string {
	known := filterValues(ParseFilter(v))
	if at := models.ParseCursor(v.Get("at")); at != (models.Cursor{}) {
		known.Set("at", v.Get("at"))
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		values := v[name]
		if len(values) == 1 && (values[0] == known.Get(name) || values[0] == "" && slices.Contains(filterNames, name)) {
			continue
		}
		for _, value := range values {
			unknown = append(unknown, name+"="+value)
		}
	}
	return unknown
}

// filterNames are what a list's address may have.
var filterNames = []string{"q", "status", "env", "way", "reason", "age", "sort", "at"}

// offered is the value, if it is one of those.
func offered[T ~string](value string, of []T) T {
	if slices.Contains(of, T(value)) {
		return T(value)
	}
	return ""
}

// filterValues is what ParseFilter reads.
func filterValues(f models.ConnectionFilter) url.Values {
	v := url.Values{}
	for _, pair := range [][2]string{
		{"q", f.Query},
		{"status", string(f.Status)},
		{"env", string(f.Environment)},
		{"way", string(f.Way)},
		{"reason", string(f.Reason)},
		{"age", string(f.Age)},
		{"sort", string(f.Order)},
	} {
		if pair[1] != "" {
			v.Set(pair[0], pair[1])
		}
	}
	return v
}

// address is a path with the filter behind it.
func address(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// ListAddress is that of the list that a filter makes, at a place of it.
func ListAddress(f models.ConnectionFilter, at models.Cursor) string {
	v := filterValues(f)
	if text := at.String(); text != "" {
		v.Set("at", text)
	}
	return address(listPath, v)
}

// list is the address of the list of a status.
func list(s models.Status) string {
	return ListAddress(models.ConnectionFilter{Status: s}, models.Cursor{})
}

var (
	environmentsListed = models.EnvironmentNames()
	waysListed         = []models.Way{models.SignInWay, models.GuidedWay, models.OwnCredentialsWay}
	// reasonsListed are those for which a connection can fail.
	reasonsListed = []models.Reason{
		models.ReasonGrantRefused, models.ReasonClientRefused, models.ReasonNotAllowed, models.ReasonUnauthorized, models.ReasonTenantUnknown,
		models.ReasonAnswerLost, models.ReasonSealBroken, models.ReasonOurSide, models.ReasonUnavailable, models.ReasonRateLimited,
	}
)

// pick is an option of a select.
type pick struct{ value, label string }

// The words of the filters, in the order in which they are offered.
var (
	statusWords = map[models.Status]string{
		models.NeedsAttention:                 "Needs attention",
		models.Status(models.ReconnectNeeded): states[models.ReconnectNeeded].word,
		models.Status(models.Degraded):        states[models.Degraded].word,
		models.Overdue:                        "Renewal late",
		models.Status(models.Pending):         states[models.Pending].word,
		models.Status(models.Connected):       states[models.Connected].word,
		models.Status(models.Disconnected):    states[models.Disconnected].word,
	}
	wayWords = map[models.Way]string{
		models.SignInWay: "Sign in", models.GuidedWay: "Set up by us", models.OwnCredentialsWay: "Own client ID",
	}
	ageWords = map[models.Age]string{
		models.AnHour: "For an hour or more", models.ADay: "For a day or more", models.AWeek: "For a week or more", models.AMonth: "For 30 days or more",
	}
	orderWords = map[models.Order]string{
		models.AttentionFirst: "Attention first", models.LongestFirst: "Longest in its status", models.LatestFirst: "Latest change",
		models.ByCompany: "Company, A to Z", models.NewestFirst: "Newest connection",
	}
	// shortReasons say why in a line of a list.
	shortReasons = map[models.Reason]string{
		models.ReasonUnavailable:   "ServiceTitan does not answer",
		models.ReasonRateLimited:   "ServiceTitan asks us to wait",
		models.ReasonGrantRefused:  "ServiceTitan refuses the access",
		models.ReasonClientRefused: "Client ID and secret are refused",
		models.ReasonAnswerLost:    "The answer to a renewal was lost",
		models.ReasonNotAllowed:    "The app is not allowed any more",
		models.ReasonUnauthorized:  "The API refuses fresh access",
		models.ReasonTenantUnknown: "The tenant is unknown",
		models.ReasonSealBroken:    "We cannot read what we stored",
		models.ReasonOurSide:       "There is a problem on our side",
	}
)

// picks are the options of a select; the first one picks all.
func picks[T ~string](all string, values []T, words func(T) string) []pick {
	list := []pick{{"", all}}
	for _, v := range values {
		if v != "" {
			list = append(list, pick{string(v), words(v)})
		}
	}
	return list
}

func wordsOf[T ~string](words map[T]string) func(T) string {
	return func(v T) string { return words[v] }
}
