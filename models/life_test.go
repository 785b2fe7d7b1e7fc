package models

import "testing"

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
		{Connected, Renewed, Connected, true},
		{Connected, FailedTemporarily, Degraded, true},
		{Connected, Refused, ReconnectNeeded, true},
		{Connected, LetGo, Disconnected, true},
		{Degraded, Authorized, Connected, true},
		{Degraded, Renewed, Connected, true},
		{Degraded, FailedTemporarily, Degraded, true},
		{Degraded, Refused, ReconnectNeeded, true},
		{Degraded, LetGo, Disconnected, true},
		{ReconnectNeeded, Authorized, Connected, true},
		{ReconnectNeeded, Renewed, "", false},
		{ReconnectNeeded, FailedTemporarily, "", false},
		{ReconnectNeeded, Refused, "", false},
		{ReconnectNeeded, LetGo, Disconnected, true},
		{Disconnected, Authorized, Connected, true},
		{Disconnected, Renewed, "", false},
		{Disconnected, FailedTemporarily, "", false},
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
