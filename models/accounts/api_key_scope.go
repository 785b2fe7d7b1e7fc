package accounts

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is something that an API key may do.
type Scope string

// All scopes. The database stores their values, and back ends know them.
const (
	// ScopeConnectionsRead allows reading connections.
	ScopeConnectionsRead Scope = "connections:read"
	// ScopeTokensRead allows reading access tokens.
	ScopeTokensRead Scope = "tokens:read"
	// ScopeConnectWrite allows asking people to connect, testing, and disconnecting.
	ScopeConnectWrite Scope = "connect:write"
	// ScopeWebhooksWrite allows reading deliveries and sending them again.
	ScopeWebhooksWrite Scope = "webhooks:write"
	// ScopeProxy allows calls to ServiceTitan through Fieldbridge.
	ScopeProxy Scope = "proxy"
)

// Scopes returns all scopes, in the order in which pages show them.
func Scopes() []Scope {
	return []Scope{ScopeConnectionsRead, ScopeTokensRead, ScopeConnectWrite, ScopeWebhooksWrite, ScopeProxy}
}

// ParseScopes parses scopes that spaces or commas separate. The order and repetitions
// do not matter.
func ParseScopes(text string) ([]Scope, error) {
	var scopes []Scope
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		scope := Scope(word)
		if !slices.Contains(Scopes(), scope) {
			return nil, fmt.Errorf("%q is not a scope", word)
		}
		scopes = append(scopes, scope)
	}
	return ordered(scopes), nil
}

// ordered returns each of the scopes once, in the order of Scopes.
func ordered(scopes []Scope) []Scope {
	return slices.DeleteFunc(Scopes(), func(s Scope) bool { return !slices.Contains(scopes, s) })
}

func joinScopes(scopes []Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, " ")
}

// ScopeList returns what the key may do.
func (k APIKey) ScopeList() []Scope {
	scopes, _ := ParseScopes(k.Scopes)
	return scopes
}

// May reports whether the key may do what a scope names.
func (k APIKey) May(scope Scope) bool {
	for has := range strings.FieldsSeq(k.Scopes) {
		if has == string(scope) {
			return true
		}
	}
	return false
}

// Need returns a ScopeError if the key lacks a scope.
func (k APIKey) Need(scope Scope) error {
	if !k.May(scope) {
		return &ScopeError{Scope: scope}
	}
	return nil
}

// ScopeError says which scope an API key lacks.
type ScopeError struct{ Scope Scope }

func (e *ScopeError) Error() string { return "key lacks the scope " + string(e.Scope) }
