package sandbox

import (
	"fmt"
	"time"
)

// noticedLate is how late a client that has gone may be noticed.
const noticedLate = 500 * time.Millisecond

// Breaches is what a client did that no client may, by the record of what it
// asked:
//
//	I1: a code is sent once;
//	I2: of a grant, or of a tenant's client, one request is under way at a time.
func Breaches(requests []Request) []string {
	var breaches []string
	codes, before := map[string]int{}, map[string]Request{}
	for _, r := range requests { // in the order in which they came
		if r.Path != PathToken || r.About == "" {
			continue
		}
		if r.GrantType == grantCode {
			if codes[r.About]++; codes[r.About] == 2 {
				breaches = append(breaches, fmt.Sprintf("I1: code %s is sent again at %s", r.About, r.Time.Format(time.StampMicro)))
			}
			continue
		}
		b, ok := before[r.About]
		if ok && b.stillAsked(r) {
			breaches = append(breaches, fmt.Sprintf("I2: of %s a request comes at %s, while that of %s is under way",
				r.About, r.Time.Format(time.StampMicro), b.Time.Format(time.StampMicro)))
		}
		if !ok || (b.EndedAs != 0 && (r.EndedAs == 0 || r.EndedAs > b.EndedAs)) {
			before[r.About] = r
		}
	}
	return breaches
}

// stillAsked says that the request was under way for its client when a later
// one came.
func (q Request) stillAsked(later Request) bool {
	if q.EndedAs == 0 {
		return true
	}
	if !q.Sent && !later.Time.Before(q.Ended.Add(-noticedLate)) {
		return false
	}
	return later.BeganAs < q.EndedAs
}
