package database

import "time"

const (
	// LookEvery is how often an instance looks at the locks that are held.
	LookEvery = 100 * time.Millisecond
	// confirmedFor is for how long after a look began what it found is relied on.
	confirmedFor = 500 * time.Millisecond
	// absentFor is for how long a lock must be absent until its holder is dead.
	absentFor = 800 * time.Millisecond
)

// presence is what an instance has seen of the others' locks, look by look.
type presence struct {
	// began is the first look of the session, and last the newest.
	began, last look
	seen        map[int64]bool
	// gone holds the first look at which a lock was absent that was there before.
	gone map[int64]look
	// blind says that an earlier session was lost, and all locks with it perhaps.
	blind bool
}

// look is when a look at the locks had ended: by this process's clock, and by
// the database's.
type look struct{ at, clock time.Time }

// saw takes in what a look found.
func (p *presence) saw(at look, keys map[int64]bool) {
	if p.began.at.IsZero() {
		p.began, p.gone = at, map[int64]look{}
	}
	for key := range p.seen {
		if !keys[key] {
			p.gone[key] = at
		}
	}
	for key, since := range p.gone {
		if keys[key] || at.at.Sub(since.at) > 2*LeaseLife { // it counts as never seen then
			delete(p.gone, key)
		}
	}
	p.last, p.seen = at, keys
}

// lose forgets what was seen in a session that has ended.
func (p *presence) lose() { *p = presence{blind: p.blind || !p.began.at.IsZero()} }

// suspects says whether there may be a lease whose holder is not seen.
func (p *presence) suspects() bool {
	return len(p.gone) > 0 || p.last.at.Sub(p.began.at) < 2*LeaseLife
}

// dead says whether the holder of a key has died that took a lease at a time of
// the database's clock.
func (p *presence) dead(key int64, taken, now time.Time) bool {
	if p.began.at.IsZero() || now.Sub(p.last.at) > confirmedFor || p.seen[key] {
		return false
	}
	since, known := p.gone[key]
	if !known {
		since = p.began
		if p.blind {
			return p.last.at.Sub(since.at) >= LeaseLife
		}
	}
	if taken.After(since.clock) { // it came and went between two looks
		p.gone[key] = p.last
		return false
	}
	return p.last.at.Sub(since.at) >= absentFor
}
