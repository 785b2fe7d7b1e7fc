package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fieldbridge/fieldbridge/models/outbound"
)

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	private := outbound.Rules{Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for _, c := range []struct {
		rules outbound.Rules
		list  string
		want  bool
	}{
		{outbound.Rules{}, "1.1.1.1 93.184.216.34 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1 ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1", true},
		{outbound.Rules{}, "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.1.2.3 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1", false},
		{outbound.Rules{}, "192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 100.100.100.200", false},
		{outbound.Rules{}, ":: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 fe80::1 fe80::1%eth0 2606:4700::1111%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 100::1 2001::1 2001:db8::1 3fff::1 4000::1", false},
		{outbound.Rules{}, "64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 2002:7f00:1::1 2002:a9fe:a9fe::1 2002:c0a8:101::1", false},
		{outbound.Rules{Loopback: true}, "127.0.0.1 ::1 ::ffff:127.0.0.1 1.1.1.1", true},
		{outbound.Rules{Loopback: true}, "10.0.0.1 169.254.169.254 0.0.0.0 ::", false},
		{private, "10.20.3.4 fd00:1::5 ::ffff:10.20.3.4 64:ff9b::a14:304 1.1.1.1", true},
		{private, "10.21.0.1 127.0.0.1 fd00:2::1 fd00:1::5%eth0", false},
	} {
		for _, text := range strings.Fields(c.list) {
			if got := c.rules.Allows(netip.MustParseAddr(text)); got != c.want {
				t.Errorf("%v: %s is allowed: %t", c.rules, text, got)
			}
		}
	}
}

func TestAddressesThatPeopleType(t *testing.T) {
	for _, c := range []struct {
		text    string
		rules   outbound.Rules
		problem string
	}{
		{"https://example.com/webhooks?key=1", outbound.Rules{}, ""},
		{"https://example.com:8443/", outbound.Rules{}, ""},
		{"https://1.1.1.1/", outbound.Rules{}, ""},
		{"HTTPS://example.com", outbound.Rules{}, ""},
		{"http://localhost:3000/webhooks", outbound.Rules{Loopback: true}, ""},
		{"http://127.0.0.1:3000", outbound.Rules{Loopback: true}, ""},
		{"http://[::1]:3000", outbound.Rules{Loopback: true}, ""},
		{"https://10.0.0.1/", outbound.Rules{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, ""},
		{"", outbound.Rules{}, "is not a complete one"},
		{"example.com", outbound.Rules{}, "is not a complete one"},
		{"https:example.com", outbound.Rules{}, "is not a complete one"},
		{"https://:443/", outbound.Rules{}, "is not a complete one"},
		{"https:///path", outbound.Rules{}, "is not a complete one"},
		{"https://exa mple.com", outbound.Rules{}, "has a space"},
		{"https://example.com/\r\nX-Header: 1", outbound.Rules{}, "has a space"},
		{"https://ex\u0430mple.com/", outbound.Rules{}, "has a space or a letter"},
		{"https://amy@example.com/", outbound.Rules{}, "must not have a name"},
		{"https://amy:secret@example.com/", outbound.Rules{}, "must not have a name"},
		{"https://example.com/#part", outbound.Rules{}, "must not have a part"},
		{"https://example.com/#", outbound.Rules{}, "must not have a part"},
		{"https://sandbox.example.com/webhooks", outbound.Rules{Only: "sandbox.example.com"}, ""},
		{"https://example.com/", outbound.Rules{Only: "sandbox.example.com"}, "has to be at sandbox.example.com"},
		{"https://sandbox.example.com:8443/", outbound.Rules{Only: "sandbox.example.com"}, "has to be at sandbox.example.com"},
		{"https://sandbox.example.com.evil.example/", outbound.Rules{Only: "sandbox.example.com"}, "has to be at sandbox.example.com"},
		{"http://example.com/", outbound.Rules{Loopback: true}, "must begin with https"},
		{"http://127.0.0.1/", outbound.Rules{}, "must begin with https"},
		{"ftp://example.com/", outbound.Rules{}, "must begin with https"},
		{"file:///etc/passwd", outbound.Rules{}, "is not a complete one"},
		{"https://localhost/", outbound.Rules{}, "is not on the public internet"},
		{"https://127.0.0.1/", outbound.Rules{}, "is not on the public internet"},
		{"https://[::ffff:127.0.0.1]/", outbound.Rules{}, "is not on the public internet"},
		{"https://169.254.169.254/latest/meta-data", outbound.Rules{Loopback: true}, "is not on the public internet"},
		{"https://example.com:22/", outbound.Rules{}, "has a port"},
		{"https://example.com:0/", outbound.Rules{}, "has a port"},
		{"https://example.com:65536/", outbound.Rules{}, "has a port"},
		{"https://example.com/" + strings.Repeat("a", 500), outbound.Rules{}, "is longer than"},
	} {
		_, err := c.rules.Check(c.text)
		wrong, found := errors.AsType[*outbound.AddressError](err)
		if found != (c.problem != "") || found && !strings.HasPrefix(wrong.Problem, c.problem) {
			t.Errorf("%q: %v, want %q", c.text, err, c.problem)
		}
	}
}

// Whatever is typed, what passes is https, has a host, and no name of a person.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"https://example.com/a?b#c", "http://localhost", "https://a:b@c:1/", "https://[::1%25eth0]:443", "//x", "https://0x7f.1/", "https://%31/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := outbound.Rules{}.Check(text)
		if err != nil {
			return
		}
		again, err := outbound.Rules{}.Check(u.String())
		if err != nil || again.String() != u.String() || u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Fragment != "" {
			t.Errorf("%q passes as %q, %v", text, u, err)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !(outbound.Rules{}).Allows(ip) {
			t.Errorf("%q passes", text)
		}
	})
}

// nameServer returns a resolver for which every name stands for one address.
func nameServer(t *testing.T, address string) *net.Resolver {
	t.Helper()
	server, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		for buffer := make([]byte, 1500); ; {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				answer := netip.MustParseAddr(address).As4()
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: answer}}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// notFound is what is said about a name that does not exist, and about one of our
// network.
const notFound = "The host name was not found on the public internet."

// A name is checked each time that it is dialed, by what it stands for then.
func TestNameThatStandsForAPrivateAddress(t *testing.T) {
	reached := atomic.Int64{}
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	for _, answer := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"} {
		client := outbound.New(outbound.Rules{})
		client.ResolveWith(nameServer(t, answer))
		for range 2 {
			_, err := client.Post(t.Context(), outbound.Request{URL: "https://receiver.example:" + port + "/"})
			if !errors.Is(err, outbound.ErrForbidden) || outbound.Explain(err) != notFound {
				t.Errorf("%s: %v", answer, err)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("it was reached %d times", n)
	}
}

// A certificate has to be valid for the name.
func TestCertificateIsChecked(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	server.Config.ErrorLog = nil
	defer server.Close()
	_, err := outbound.New(outbound.Rules{Loopback: true}).Post(t.Context(), outbound.Request{URL: server.URL})
	if got := outbound.Explain(err); got != "The certificate is not valid for the address." {
		t.Errorf("%v: %s", err, got)
	}
}

// A request goes to the address itself, whatever proxy the environment names, and to no
// other address that the answer names.
func TestNoProxyAndNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another address was reached") }))
	defer elsewhere.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, elsewhere.URL)
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, status)
		}))
		answer, err := outbound.New(outbound.Rules{Loopback: true}).Post(t.Context(), outbound.Request{URL: server.URL})
		if err != nil || answer.Status != status {
			t.Errorf("%d: %+v, %v", status, answer, err)
		}
		server.Close()
	}
}

// Of an answer, the first kibibyte is read, as text that both databases can store.
func TestAnswerIsReadInPart(t *testing.T) {
	sent := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "hello" || r.Header.Get("Webhook-Id") != "msg_1" || r.Method != http.MethodPost {
			t.Errorf("%s %q %v", r.Method, body, r.Header)
		}
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
		n := 0
		for chunk := []byte(strings.Repeat("é\x00\xff", 1<<14)); n < 1<<30; n += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
		sent <- n
	}))
	defer server.Close()
	answer, err := outbound.New(outbound.Rules{Loopback: true}).
		Post(t.Context(), outbound.Request{URL: server.URL, Header: map[string]string{"webhook-id": "msg_1"}, Body: []byte("hello")})
	if err != nil || answer.Status != 503 || answer.RetryAfter != 2*time.Minute || !strings.HasPrefix(answer.Text, "é\uFFFD\uFFFDé") || strings.Count(answer.Text, "é") != outbound.AnswerKept/4 {
		t.Errorf("%d %s %d characters, %v", answer.Status, answer.RetryAfter, len(answer.Text), err)
	}
	if n := <-sent; n > 64<<20 {
		t.Errorf("%d bytes of the answer were sent", n)
	}
}

// What went wrong is told in words, without anything of our network in them.
func TestFailuresInWords(t *testing.T) {
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	ended, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	}))
	defer reset.Close()
	client := outbound.New(outbound.Rules{Loopback: true})
	for _, c := range []struct {
		ctx       context.Context
		url, want string
	}{
		{t.Context(), "http://" + address, "The connection was refused."},
		{t.Context(), reset.URL, "The connection failed before there was an answer."},
		{ended, reset.URL, "There was no answer within 15 seconds."},
		{t.Context(), "https://10.0.0.1/", "The address is not on the public internet."},
	} {
		_, err := client.Post(c.ctx, outbound.Request{URL: c.url})
		if got := outbound.Explain(err); err == nil || got != c.want {
			t.Errorf("%s: %v: %q, want %q", c.url, err, got, c.want)
		}
	}
	if got := outbound.Explain(fmt.Errorf("look up: %w", &net.DNSError{Name: "x.example", IsNotFound: true})); got != notFound {
		t.Errorf("%q", got)
	}
}
