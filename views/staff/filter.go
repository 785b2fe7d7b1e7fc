package staff

import (
	"net/url"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// The query parameters of the list. The address holds the whole filter, so that
// people can share it.
const (
	listPath  = "/staff/connections"
	csvPath   = "/staff/connections.csv"
	queuePath = "/staff/queue"
)

// address returns a path with the filter as its query.
func address(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// listAddress returns the address of the list with a filter, at a position in it.
func listAddress(f support.ConnectionFilter, at support.Cursor) string {
	v := f.Values()
	if text := at.String(); text != "" {
		v.Set("at", text)
	}
	return address(listPath, v)
}

// listOf returns the address of the list with a status.
func listOf(s support.Status) string {
	return listAddress(support.ConnectionFilter{Status: s}, support.Cursor{})
}

// pick is an option of a select.
type pick struct{ value, label string }

// The options of the filters, in the order in which the page offers them.
var (
	wayWords = map[models.Way]string{
		models.SignInWay: "Sign in", models.GuidedWay: "Set up by us", models.OwnCredentialsWay: "Own client ID",
	}
	ageWords = map[support.Age]string{
		support.AnHour: "For an hour or more", support.ADay: "For a day or more", support.AWeek: "For a week or more", support.AMonth: "For 30 days or more",
	}
	orderWords = map[support.Order]string{
		support.AttentionFirst: "Attention first", support.LongestFirst: "Longest in its status", support.LatestFirst: "Latest change",
		support.ByCompany: "Company, A to Z", support.NewestFirst: "Newest connection",
	}
	// shortReasons says why in a row of a list.
	//
	//exhaustive:ignore
	shortReasons = map[models.Reason]string{
		models.ReasonUnavailable:   "ServiceTitan does not answer",
		models.ReasonRateLimited:   "ServiceTitan asks us to wait",
		models.ReasonGrantRefused:  "ServiceTitan refuses the access",
		models.ReasonClientRefused: "Client ID and secret are refused",
		models.ReasonAnswerLost:    "The answer to a renewal was lost",
		models.ReasonNotAllowed:    "The app is no longer allowed",
		models.ReasonUnauthorized:  "The API refuses fresh access",
		models.ReasonTenantUnknown: "The tenant is unknown",
		models.ReasonSealBroken:    "We cannot read what we stored",
		models.ReasonOurSide:       "There is a problem on our side",
	}
)

// statusLabel returns the label of a status. A status that is a state has the label
// of that state.
func statusLabel(s support.Status) string {
	switch s {
	case support.NeedsAttention:
		return "Needs attention"
	case support.Overdue:
		return "Renewal late"
	}
	return views.WordsOfState(models.State(s)).Word
}

// picks returns the options of a select. The first one selects everything.
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
