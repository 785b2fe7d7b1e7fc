package sandboxtest

import (
	"fmt"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// noticedLate is how late the sandbox may notice that a client has gone.
const noticedLate = 500 * time.Millisecond

// Breaches returns what a client's requests break of these rules:
//
//   - I1: A code is sent once.
//   - I2: Each grant, and each tenant's client, has one request under way at a time.
func Breaches(requests []sandbox.Request) []string {
	var breaches []string
	codes, before := map[string]int{}, map[string]sandbox.Request{}
	for _, r := range requests { // in the order in which they came
		if r.Path != sandbox.PathToken || r.About == "" {
			continue
		}
		if r.GrantType == "authorization_code" {
			if codes[r.About]++; codes[r.About] == 2 {
				breaches = append(breaches, fmt.Sprintf("I1: code %s was sent again at %s", r.About, r.Time.Format(time.StampMicro)))
			}
			continue
		}
		b, ok := before[r.About]
		if ok && underWay(b, r) {
			breaches = append(breaches, fmt.Sprintf("I2: a request for %s came at %s, while the one of %s was under way",
				r.About, r.Time.Format(time.StampMicro), b.Time.Format(time.StampMicro)))
		}
		if !ok || (b.EndedAs != 0 && (r.EndedAs == 0 || r.EndedAs > b.EndedAs)) {
			before[r.About] = r
		}
	}
	return breaches
}

// underWay reports whether a request was under way for its client when a later one
// arrived.
func underWay(earlier, later sandbox.Request) bool {
	if earlier.EndedAs == 0 {
		return true
	}
	if !earlier.Sent && !later.Time.Before(earlier.Ended.Add(-noticedLate)) {
		return false
	}
	return later.BeganAs < earlier.EndedAs
}
