package handlers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// kept is what the app keeps for a browser. scs has it as one value. Only session.go
// uses the fields.
type kept struct {
	// user and company are who is signed in. user is uuid.Nil if nobody is.
	user, company uuid.UUID
	epoch         int
	// staff says that the user is one of our staff. factor says that the person has
	// passed the second factor. elsewhere says that the staff member has signed in at
	// their own issuer.
	staff, factor, elsewhere bool
	// confirmed is until when, in Unix seconds, the person need not confirm again
	// that it is them.
	confirmed int64
	// binding is the random value to which authorizations are bound. It changes at
	// every sign-in and with the company, so that no authorization outlives the
	// session in which it began, or ends in another company.
	binding string
	// enrolment is the encrypted second factor that is being set up.
	enrolment string
	// ceremony is the question about a passkey that the browser has to answer.
	ceremony string
	// choices and staffTrips are encoded lists. Most requests read neither. choices
	// has those of wizards, and staffTrips has the authorizations at the staff's
	// issuer that are under way.
	choices, staffTrips string
}

// keyKept is the key of the only value that scs has.
const keyKept = "kept"

// sessionCodec encodes the value of a session for the database: compactMark, and then
// the fields one after another. Earlier programs used gob, which this one reads.
type sessionCodec struct{}

// compactMark begins the form. Its last byte is the version. No gob begins like this,
// because its first byte is the length of a message.
const compactMark = "\x00FBS\x01"

// errSession says that the data of a session is none that a program wrote.
var errSession = errors.New("session cannot be decoded")

const (
	flagStaff = 1 << iota
	flagFactor
	flagElsewhere
	flagsEnd
)

// Encode returns the data of a session.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	k := keptIn(values)
	data := make([]byte, 0, 256)
	data = append(data, compactMark...)
	flags := byte(0)
	if k.staff {
		flags |= flagStaff
	}
	if k.factor {
		flags |= flagFactor
	}
	if k.elsewhere {
		flags |= flagElsewhere
	}
	data = append(data, flags)
	data = append(data, k.user[:]...)
	data = append(data, k.company[:]...)
	for _, number := range []int64{deadline.Unix(), int64(k.epoch), k.confirmed} {
		data = binary.AppendVarint(data, number)
	}
	for _, text := range []string{k.binding, k.enrolment, k.ceremony, k.choices, k.staffTrips} {
		data = appendText(data, text)
	}
	return data, nil
}

// Decode returns the deadline and the value of a session.
func (sessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	rest, marked := bytes.CutPrefix(data, []byte(compactMark))
	if !marked {
		return decodeGob(data)
	}
	r := fieldReader{rest: string(rest)}
	flags := r.byte()
	k := &kept{staff: flags&flagStaff != 0, factor: flags&flagFactor != 0, elsewhere: flags&flagElsewhere != 0, user: r.id(), company: r.id()}
	deadline := time.Unix(r.number(), 0).UTC()
	k.epoch, k.confirmed = int(r.number()), r.number()
	k.binding, k.enrolment, k.ceremony, k.choices, k.staffTrips = r.text(), r.text(), r.text(), r.text(), r.text()
	if r.failed || r.rest != "" || flags >= flagsEnd {
		return time.Time{}, nil, errSession
	}
	return deadline, map[string]any{keyKept: k}, nil
}

// keptIn returns the value of a session. The caller must not change it.
func keptIn(values map[string]any) *kept {
	if k, ok := values[keyKept].(*kept); ok {
		return k
	}
	return &kept{}
}

func appendText(data []byte, text string) []byte {
	return append(binary.AppendUvarint(data, uint64(len(text))), text...)
}

// fieldReader reads fields one after another. Once one is missing, failed is set and
// all further ones are zero.
type fieldReader struct {
	rest   string
	failed bool
}

// take returns the next n bytes.
func (r *fieldReader) take(n uint64) string {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return ""
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *fieldReader) byte() byte {
	if b := r.take(1); b != "" {
		return b[0]
	}
	return 0
}

func (r *fieldReader) id() (id uuid.UUID) {
	copy(id[:], r.take(uint64(len(id))))
	return id
}

// length reads a number without a sign.
func (r *fieldReader) length() uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.failed = true
	return 0
}

// number reads a number with a sign.
func (r *fieldReader) number() int64 {
	n := r.length()
	return int64(n>>1) ^ -int64(n&1) // #nosec G115 -- as binary.Varint does
}

func (r *fieldReader) text() string { return r.take(r.length()) }

// encodeChoices and decodeChoices convert the choices of wizards. A list that cannot be
// decoded is empty.
func encodeChoices(list []storedChoice) string {
	var data []byte
	for _, c := range list {
		data = appendText(data, c.ID)
		data = appendText(data, string(c.Choice.Environment))
		data = appendText(data, string(c.Choice.Way))
		data = binary.AppendVarint(data, c.Choice.TenantID)
		data = append(data, c.Choice.ConnectionID[:]...)
	}
	return string(data)
}

func decodeChoices(text string) []storedChoice {
	var list []storedChoice
	r := fieldReader{rest: text}
	for r.rest != "" {
		list = append(list, storedChoice{ID: r.text(), Choice: models.Choice{
			Environment: servicetitan.EnvironmentName(r.text()), Way: servicetitan.Way(r.text()), TenantID: r.number(), ConnectionID: r.id(),
		}})
	}
	if r.failed {
		return nil
	}
	return list
}

// encodeTrips and decodeTrips convert the authorizations at the staff's issuer. A list
// that cannot be decoded is empty.
func encodeTrips(list []keptTrip) string {
	var data []byte
	for _, t := range list {
		data = appendText(appendText(data, t.State), t.Sealed)
		data = binary.AppendVarint(data, t.Until.UnixNano())
	}
	return string(data)
}

func decodeTrips(text string) []keptTrip {
	var list []keptTrip
	r := fieldReader{rest: text}
	for r.rest != "" {
		list = append(list, keptTrip{State: r.text(), Sealed: r.text(), Until: time.Unix(0, r.number()).UTC()})
	}
	if r.failed {
		return nil
	}
	return list
}
