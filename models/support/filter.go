package support

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// ConnectionFilter picks connections of all companies. Empty fields pick all.
type ConnectionFilter struct {
	// Query is what was typed: part of a company's name, a tenant ID, an email, a
	// connection ID, or a support code.
	Query       string
	Status      Status
	Environment servicetitan.EnvironmentName
	Way         models.Way
	Reason      models.Reason
	Age         Age
	Order       Order
}

// Status picks connections by state.
type Status string

const (
	// NeedsAttention is every connection that does not work as it should.
	NeedsAttention Status = "attention"
	// Overdue is every connection whose renewal is late: see lateAfter.
	Overdue Status = "overdue"
)

// Statuses are all there are: the two above, and each state.
func Statuses() []Status {
	return []Status{
		NeedsAttention, Status(models.ReconnectNeeded), Status(models.Degraded), Overdue,
		Status(models.Pending), Status(models.Connected), Status(models.Disconnected),
	}
}

// has says whether a state is picked.
func (s Status) has(state models.State) bool {
	switch s {
	case "", Overdue:
		return true
	case NeedsAttention:
		return state == models.ReconnectNeeded || state == models.Degraded
	}
	return models.State(s) == state
}

// Age picks connections by how long they have been in their state, at least.
type Age string

const (
	AnHour  Age = "1h"
	ADay    Age = "1d"
	AWeek   Age = "7d"
	AMonth  Age = "30d"
	noAge   Age = ""
	dayLong     = 24 * time.Hour
)

// Ages are all there are.
func Ages() []Age { return []Age{AnHour, ADay, AWeek, AMonth} }

var ages = map[Age]time.Duration{noAge: 0, AnHour: time.Hour, ADay: dayLong, AWeek: 7 * dayLong, AMonth: 30 * dayLong}

// Order is how a list is sorted.
type Order string

const (
	// AttentionFirst is by what needs a person most, and in each state the longest
	// first.
	AttentionFirst Order = ""
	// LongestFirst and LatestFirst are by how long connections have been in their
	// state.
	LongestFirst Order = "longest"
	LatestFirst  Order = "latest"
	// ByCompany is by the company's name.
	ByCompany Order = "company"
	// NewestFirst is by when connections were made.
	NewestFirst Order = "newest"
)

// Orders are all there are.
func Orders() []Order {
	return []Order{AttentionFirst, LongestFirst, LatestFirst, ByCompany, NewestFirst}
}

// ranks say in which order AttentionFirst has the states.
var ranks = map[models.State]int{models.ReconnectNeeded: 0, models.Degraded: 1, models.Pending: 2, models.Connected: 3, models.Disconnected: 4}

// sorted is the order that is really used: an age is read along the time of the
// last change of state, and what is searched for comes best match first.
func (f ConnectionFilter) sorted() Order {
	if f.Age != noAge && (f.Order == ByCompany || f.Order == NewestFirst) {
		return LongestFirst
	}
	return f.Order
}

// Cursor is a place between two connections of a list, for the page that comes
// after it or, with Back, before it. Its text is for addresses.
type Cursor struct {
	Back bool
	// Rank, At, Key and ID are the sorting columns of the connection at the place,
	// as far as the list's order has them.
	Rank int
	At   time.Time
	Key  string
	ID   uuid.UUID
}

// String is the cursor as addresses have it; empty for the zero one.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	back, at := "n", ""
	if c.Back {
		back = "p"
	}
	if !c.At.IsZero() {
		at = strconv.FormatInt(c.At.UnixMicro(), 10)
	}
	text := strings.Join([]string{back, strconv.Itoa(c.Rank), at, c.ID.String(), c.Key}, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// ParseCursor reads what String wrote. What nobody wrote is the beginning.
func ParseCursor(text string) Cursor {
	raw, ok := database.DecodeExactly(text)
	parts := strings.SplitN(string(raw), ".", 5)
	if !ok || len(parts) != 5 || !database.Storable(parts[4]) {
		return Cursor{}
	}
	c := Cursor{Back: parts[0] == "p", Key: parts[4]}
	var err error
	if c.Rank, err = strconv.Atoi(parts[1]); err != nil || c.Rank < 0 || c.Rank > len(ranks) {
		return Cursor{}
	}
	if parts[2] != "" {
		micros, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil || micros <= 0 || micros > maxMicros {
			return Cursor{}
		}
		c.At = time.UnixMicro(micros).UTC()
	}
	if c.ID, err = uuid.Parse(parts[3]); err != nil || c.ID.String() != parts[3] {
		return Cursor{}
	}
	return c
}

// maxMicros is the end of the year 9999, beyond which databases have no time.
const maxMicros = 253402300799_000000
