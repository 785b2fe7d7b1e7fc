package servicetitan

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// slowIssuer answers discovery only when the test lets it. Its endpoints differ from
// the documented ones.
type slowIssuer struct {
	server *httptest.Server
	asked  atomic.Int64
	begun  chan struct{}
	answer chan struct{}
}

func newSlowIssuer(t *testing.T) (*slowIssuer, *Client) {
	t.Helper()
	i := &slowIssuer{begun: make(chan struct{}, 100), answer: make(chan struct{})}
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		i.begun <- struct{}{}
		select {
		case <-i.answer:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"issuer":"` + i.server.URL + `","authorization_endpoint":"` + i.server.URL + `/a","token_endpoint":"` + i.server.URL + `/t"}`))
	}))
	t.Cleanup(i.server.Close)
	u, err := url.Parse(i.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return i, NewClient(Environment{Name: Sandbox, AuthURL: u, APIURL: u}, http.DefaultTransport, time.Now)
}

// When the first caller gives up, the discovery of the others continues, and they do
// not get the documented endpoints instead.
func TestDiscoveryOutlivesWhoAsksFirst(t *testing.T) {
	issuer, client := newSlowIssuer(t)
	first, goAway := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := client.Endpoints(first)
		left <- err
	}()
	<-issuer.begun
	goAway()
	err := <-left
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Unavailable || e.AnswerLost || !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away hears %v", err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			got, err := client.Endpoints(t.Context())
			if err != nil || got.Token != issuer.server.URL+"/t" {
				t.Errorf("endpoints %+v, error %v", got, err)
			}
		})
	}
	close(issuer.answer)
	all.Wait()
	if n := issuer.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// A caller that waits for another's discovery stops when its own time is up.
func TestDiscoveryIsNotWaitedForLonger(t *testing.T) {
	issuer, client := newSlowIssuer(t)
	done := make(chan error, 1)
	go func() {
		_, err := client.Endpoints(t.Context())
		done <- err
	}()
	<-issuer.begun
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Endpoints(hurried); !errors.Is(err, context.Canceled) {
		t.Errorf("who has no time hears %v", err)
	}
	if _, err := client.Refresh(hurried, secret.New("stc_refresh")); !errors.Is(err, context.Canceled) {
		t.Errorf("who renews and has no time hears %v", err)
	}
	close(issuer.answer)
	if err := <-done; err != nil {
		t.Errorf("the other one hears %v", err)
	}
}
