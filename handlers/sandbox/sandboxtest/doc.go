// Package sandboxtest has what tests need from a sandbox beyond its pages and its
// control API. They can wait until an answer is held, search for every secret that was
// sent, and check the requests that a client made. Only tests import this package. It
// has no tables.
package sandboxtest

import (
	"sync"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// Sandbox is a sandbox that tells a test which answers it holds back.
type Sandbox struct {
	*sandbox.Sandbox
	held chan struct{}

	mu      sync.Mutex
	secrets map[string]struct{}
}

// New returns a sandbox that remembers no secrets.
func New(o sandbox.Options) *Sandbox {
	held := make(chan struct{})
	o.Held = held
	return &Sandbox{Sandbox: sandbox.New(o), held: held}
}

// NewRecording returns a sandbox that remembers every secret, for Secrets.
func NewRecording(o sandbox.Options) *Sandbox {
	s := &Sandbox{held: make(chan struct{}), secrets: map[string]struct{}{}}
	o.Held, o.OnSecret = s.held, s.record
	s.Sandbox = sandbox.New(o)
	return s
}

// Held yields a value for each request that a Hold fault keeps waiting, once its work
// is done.
func (s *Sandbox) Held() <-chan struct{} { return s.held }

// Secrets returns every code, token, key, client secret, and verifier that was handed
// out or received, in no particular order.
func (s *Sandbox) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := make([]string, 0, len(s.secrets))
	for secret := range s.secrets {
		secrets = append(secrets, secret)
	}
	return secrets
}

// shortestSecret is the length in bytes of the shortest secret that is remembered. A
// search for anything shorter would find it by chance.
const shortestSecret = 8

func (s *Sandbox) record(secret string) {
	if len(secret) < shortestSecret {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[secret] = struct{}{}
}
