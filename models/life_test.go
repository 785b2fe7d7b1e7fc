package models

import "testing"

// The life of a connection, in words.
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
		{Connected, Renewed, Connected, true},
		{Connected, FailedPassed, Degraded, true},
		{Connected, Refused, ReconnectNeeded, true},
		{Connected, LetGo, Disconnected, true},
		{Degraded, Authorized, Connected, true},
		{Degraded, Renewed, Connected, true},
		{Degraded, FailedPassed, Degraded, true},
		{Degraded, Refused, ReconnectNeeded, true},
		{Degraded, LetGo, Disconnected, true},
		{ReconnectNeeded, Authorized, Connected, true},
		{ReconnectNeeded, Renewed, "", false},
		{ReconnectNeeded, FailedPassed, "", false},
		{ReconnectNeeded, Refused, "", false},
		{ReconnectNeeded, LetGo, Disconnected, true},
		{Disconnected, Authorized, Connected, true},
		{Disconnected, Renewed, "", false},
		{Disconnected, FailedPassed, "", false},
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
