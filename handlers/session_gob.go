package handlers

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
)

// The keys under which programs up to schema 26 keep the values of a session, which scs
// encodes with gob. They and this program share sessions during a rolling upgrade, and
// after one that is taken back. Sessions live for 12 hours, so a later release can
// drop this file.
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

// gobForm returns the form of a session that earlier programs read.
func gobForm(deadline time.Time, k *kept) ([]byte, error) {
	values := map[string]any{}
	if k.user != uuid.Nil {
		values[gobUser], values[gobCompany], values[gobEpoch] = k.user.String(), k.company.String(), k.epoch
	}
	for key, on := range map[string]bool{gobStaff: k.staff, gobFactor: k.factor, gobElsewhere: k.elsewhere} {
		if on {
			values[key] = true
		}
	}
	if k.confirmed != 0 {
		values[gobConfirmed] = k.confirmed
	}
	texts := map[string]string{gobBinding: k.binding, gobEnrolment: k.enrolment, gobCeremony: k.ceremony}
	if k.choices != "" {
		list, err := json.Marshal(decodeChoices(k.choices))
		if err != nil {
			return nil, fmt.Errorf("encode session: %w", err)
		}
		texts[gobChoices] = string(list)
	}
	if k.staffTrips != "" {
		list, err := json.Marshal(decodeTrips(k.staffTrips))
		if err != nil {
			return nil, fmt.Errorf("encode session: %w", err)
		}
		texts[gobStaffTrips] = string(list)
	}
	for key, text := range texts {
		if text != "" {
			values[key] = text
		}
	}
	return scs.GobCodec{}.Encode(deadline, values)
}

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
