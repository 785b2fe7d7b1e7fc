package models

import (
	"testing"
	"time"
)

// Each change leads to the right state from each state, or cannot happen.
func TestLife(t *testing.T) {
	tests := []struct {
		from State
		what Change
		to   State
		ok   bool
	}{
		{"", Authorized, Connected, true},
		{"", Renewed, "", false},
		{"", LetGo, "", false},
		{Connected, Authorized, Connected, true},
		{Connected, SecretReplaced, Connected, true},
		{Connected, Renewed, Connected, true},
		{Connected, FailedTemporarily, Degraded, true},
		{Connected, Answered, Connected, true},
		{Connected, Unanswered, Degraded, true},
		{Connected, Refused, ReconnectNeeded, true},
		{Connected, LetGo, Disconnected, true},
		{Degraded, Authorized, Connected, true},
		{Degraded, SecretReplaced, Connected, true},
		{Degraded, Renewed, Connected, true},
		{Degraded, FailedTemporarily, Degraded, true},
		{Degraded, Answered, Connected, true},
		{Degraded, Unanswered, Degraded, true},
		{Degraded, Refused, ReconnectNeeded, true},
		{Degraded, LetGo, Disconnected, true},
		{ReconnectNeeded, Authorized, Connected, true},
		{ReconnectNeeded, SecretReplaced, Connected, true},
		{ReconnectNeeded, Renewed, "", false},
		{ReconnectNeeded, FailedTemporarily, "", false},
		{ReconnectNeeded, Answered, "", false},
		{ReconnectNeeded, Unanswered, "", false},
		{ReconnectNeeded, Refused, "", false},
		{ReconnectNeeded, LetGo, Disconnected, true},
		{ReconnectNeeded, PutBack, Degraded, true},
		{Connected, PutBack, "", false},
		{Degraded, PutBack, "", false},
		{Disconnected, PutBack, "", false},
		{Disconnected, Authorized, Connected, true},
		{Disconnected, SecretReplaced, "", false},
		{Disconnected, Renewed, "", false},
		{Disconnected, FailedTemporarily, "", false},
		{Disconnected, Answered, "", false},
		{Disconnected, Unanswered, "", false},
		{Disconnected, Refused, "", false},
		{Disconnected, LetGo, "", false},
	}
	for _, tt := range tests {
		to, ok := NextState(tt.from, tt.what)
		if to != tt.to || ok != tt.ok {
			t.Errorf("%q and %s: got %q, %t; want %q, %t", tt.from, tt.what, to, ok, tt.to, tt.ok)
		}
	}
}

// A connection whose renewals and checks both fail stays degraded until both work again.
func TestTwoTroublesEndOneByOne(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		failing, unanswered *time.Time
		what                Change
		to                  State
	}{
		{&now, nil, Renewed, Connected},
		{nil, &now, Renewed, Degraded},
		{&now, &now, Renewed, Degraded},
		{&now, nil, Answered, Degraded},
		{nil, &now, Answered, Connected},
		{&now, &now, Answered, Degraded},
		{&now, &now, Authorized, Connected},
		{&now, &now, Refused, ReconnectNeeded},
		{&now, &now, LetGo, Disconnected},
	} {
		c := Connection{State: Degraded, FailingSince: tt.failing, UnansweredSince: tt.unanswered}
		if to, ok := c.next(tt.what); to != tt.to || !ok {
			t.Errorf("%s, renewals failing %t, checks failing %t: %s, want %s", tt.what, tt.failing != nil, tt.unanswered != nil, to, tt.to)
		}
	}
}
