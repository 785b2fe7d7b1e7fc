package handlers

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
)

// The keys under which programs up to schema 26 keep the values of a session, which scs
// encodes with gob. This program reads such sessions, so that an upgrade signs nobody
// out. The earlier programs need not read the sessions of this one, because they do not
// serve its schema. Sessions live for 12 hours, so a later release can drop this file.
const (
	gobUser       = "user"
	gobCompany    = "company"
	gobEpoch      = "epoch"
	gobStaff      = "staff"
	gobFactor     = "factor"
	gobElsewhere  = "elsewhere"
	gobConfirmed  = "confirmed"
	gobBinding    = "binding"
	gobEnrolment  = "enrolment"
	gobCeremony   = "ceremony"
	gobChoices    = "choices"
	gobStaffTrips = "staff trips"
)

// decodeGob decodes a session that an earlier program wrote.
func decodeGob(data []byte) (time.Time, map[string]any, error) {
	deadline, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("%w: %w", errSession, err)
	}
	text := func(key string) string { s, _ := values[key].(string); return s }
	on := func(key string) bool { b, _ := values[key].(bool); return b }
	k := &kept{
		staff: on(gobStaff), factor: on(gobFactor), elsewhere: on(gobElsewhere),
		binding: text(gobBinding), enrolment: text(gobEnrolment), ceremony: text(gobCeremony),
	}
	k.epoch, _ = values[gobEpoch].(int)
	k.confirmed, _ = values[gobConfirmed].(int64)
	user, ofUser := uuid.Parse(text(gobUser))
	company, ofCompany := uuid.Parse(text(gobCompany))
	if ofUser == nil && ofCompany == nil {
		k.user, k.company = user, company
	}
	var choices []storedChoice
	if json.Unmarshal([]byte(text(gobChoices)), &choices) == nil {
		k.choices = encodeChoices(choices)
	}
	var trips []keptTrip
	if json.Unmarshal([]byte(text(gobStaffTrips)), &trips) == nil {
		k.staffTrips = encodeTrips(trips)
	}
	return deadline, map[string]any{keyKept: k}, nil
}
