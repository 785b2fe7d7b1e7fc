package models

import "testing"

// The life of a connection, in words.
func TestLife(t *testing.T) {
	tests := []struct {
		from State
		what change
		to   State
		ok   bool
	}{
		{"", Authorized, Connected, true},
		{"", renewed, "", false},
		{"", LetGo, "", false},
		{Connected, Authorized, Connected, true},
		{Connected, renewed, Connected, true},
		{Connected, failedPassed, Degraded, true},
		{Connected, refused, ReconnectNeeded, true},
		{Connected, LetGo, Disconnected, true},
		{Degraded, Authorized, Connected, true},
		{Degraded, renewed, Connected, true},
		{Degraded, failedPassed, Degraded, true},
		{Degraded, refused, ReconnectNeeded, true},
		{Degraded, LetGo, Disconnected, true},
		{ReconnectNeeded, Authorized, Connected, true},
		{ReconnectNeeded, renewed, "", false},
		{ReconnectNeeded, failedPassed, "", false},
		{ReconnectNeeded, refused, "", false},
		{ReconnectNeeded, LetGo, Disconnected, true},
		{Disconnected, Authorized, Connected, true},
		{Disconnected, renewed, "", false},
		{Disconnected, failedPassed, "", false},
		{Disconnected, refused, "", false},
		{Disconnected, LetGo, "", false},
	}
	for _, tt := range tests {
		to, ok := Next(tt.from, tt.what)
		if to != tt.to || ok != tt.ok {
			t.Errorf("%q and %s: got %q, %t; want %q, %t", tt.from, tt.what, to, ok, tt.to, tt.ok)
		}
	}
}
