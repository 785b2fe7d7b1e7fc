package api

import (
	"fmt"
	"net/http"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// The names of the header fields of draft-ietf-httpapi-ratelimit-headers. They are set
// in this spelling, which Header.Set would change.
const (
	rateLimit       = "RateLimit"
	rateLimitPolicy = "RateLimit-Policy"
)

// limitPolicy is the value of RateLimit-Policy. All answers share it.
var limitPolicy = []string{fmt.Sprintf(`"key";q=%d;w=%d`, accounts.KeyLimit, accounts.KeyLimitSeconds)}

// limitsLeft has the value of RateLimit for each number of requests that are left. All
// answers share them, because making one takes longer than the check of the limit.
var limitsLeft = func() (all [accounts.KeyLimit + 1][]string) {
	for left := range all {
		all[left] = []string{fmt.Sprintf(`"key";r=%d;t=1`, left)}
	}
	return all
}()

// setPolicy says what the limit is.
func setPolicy(h http.Header) { h[rateLimitPolicy] = limitPolicy }

// setLimit says how many requests are left within the next second.
func setLimit(h http.Header, left int) {
	h[rateLimit] = limitsLeft[min(left, accounts.KeyLimit)]
}
