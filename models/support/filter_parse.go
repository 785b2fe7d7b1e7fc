package support

import (
	"maps"
	"net/url"
	"slices"

	"github.com/fieldbridge/fieldbridge/models"
)

// ParseFilter reads the filter from the query of a list's URL. It ignores unknown
// values.
func ParseFilter(v url.Values) ConnectionFilter {
	return ConnectionFilter{
		Query:       v.Get("q"),
		Status:      offered(v.Get("status"), Statuses()),
		Environment: offered(v.Get("env"), models.EnvironmentNames()),
		Way:         offered(v.Get("way"), models.Ways()),
		Reason:      offered(v.Get("reason"), FailureReasons()),
		Age:         offered(v.Get("age"), Ages()),
		Order:       offered(v.Get("sort"), Orders()),
	}
}

// Values returns the filter as the query of a list's URL. ParseFilter reads it.
func (f ConnectionFilter) Values() url.Values {
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

// UnknownFilters returns the names and values in the query of a list's URL that
// ParseFilter and ParseCursor ignore. The page has to mention them, because people
// share URLs and would otherwise see other connections than the sender meant.
func UnknownFilters(v url.Values) []string {
	known := ParseFilter(v).Values()
	if at := ParseCursor(v.Get("at")); at != (Cursor{}) {
		known.Set("at", v.Get("at"))
	}
	// The boxes of all rows are ticked, or a saved filter was just deleted.
	for _, name := range []string{"all", "unsaved"} {
		if v.Get(name) == "1" {
			known.Set(name, "1")
		}
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

// filterNames are the names that the query of a list's URL may have.
var filterNames = []string{"q", "status", "env", "way", "reason", "age", "sort", "at", "all", "unsaved"}

// ParseSecretFilter reads the filter from the query of the list of secrets. It ignores
// unknown values.
func ParseSecretFilter(v url.Values) SecretFilter {
	return SecretFilter{Environment: offered(v.Get("env"), models.EnvironmentNames()), Way: offered(v.Get("way"), clientWays)}
}

// Values returns the filter as the query of the list's URL.
func (f SecretFilter) Values() url.Values {
	v := url.Values{}
	if f.Environment != "" {
		v.Set("env", string(f.Environment))
	}
	if f.Way != "" {
		v.Set("way", string(f.Way))
	}
	return v
}

// offered returns the value if it is one of the choices, or else the empty value.
func offered[T ~string](value string, choices []T) T {
	if slices.Contains(choices, T(value)) {
		return T(value)
	}
	return ""
}

// FailureReasons returns the reasons for which a connection can fail.
func FailureReasons() []models.Reason {
	return []models.Reason{
		models.ReasonGrantRefused, models.ReasonClientRefused, models.ReasonNotAllowed, models.ReasonUnauthorized, models.ReasonTenantUnknown,
		models.ReasonAnswerLost, models.ReasonSealBroken, models.ReasonOurSide, models.ReasonUnavailable, models.ReasonRateLimited,
	}
}
