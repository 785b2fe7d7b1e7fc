package failure

import (
	"time"

	"github.com/google/uuid"
)

// How many failures an instance keeps in an hour.
const (
	// mostOfOne is for one person, one API key, or one address of strangers.
	mostOfOne = 60
	// mostOfStrangers is for all strangers together, such as programs that look for
	// weaknesses.
	mostOfStrangers = 1000
	// mostOfAll is for everybody together.
	mostOfAll = 10000
)

// limit counts what was kept in an hour.
type limit struct {
	hour           int64
	all, strangers int
	// of counts by person, key, or address. It has at most mostOfAll entries.
	of map[string]int
}

// allows counts a failure, and says whether it may be kept.
func (l *limit) allows(f Failure, address string) bool {
	if hour := f.At.Unix() / int64(time.Hour/time.Second); hour != l.hour || l.of == nil {
		*l = limit{hour: hour, of: map[string]int{}}
	}
	who := address
	switch {
	case f.UserID != nil:
		who = f.UserID.String()
	case f.KeyID != nil:
		who = f.KeyID.String()
	}
	if l.all >= mostOfAll || l.of[who] >= mostOfOne || (f.stranger() && l.strangers >= mostOfStrangers) {
		return false
	}
	l.all++
	l.of[who]++
	if f.stranger() {
		l.strangers++
	}
	return true
}

// Some returns a pointer to an ID, or nil if it is none.
func Some(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
