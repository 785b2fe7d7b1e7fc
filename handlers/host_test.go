package handlers

import (
	"net/url"
	"testing"
)

// The Host of a request is compared in the form that browsers send.
func TestKindOfHost(t *testing.T) {
	for _, tt := range []struct {
		base, host string
		want       hostKind
	}{
		{"https://connect.example.com", "connect.example.com", ownHost},
		{"https://connect.example.com", "Connect.Example.COM", ownHost},
		{"https://connect.example.com", "connect.example.com:443", ownHost},
		{"https://Connect.Example.com", "connect.example.com", ownHost},
		{"https://connect.example.com", "connect.example.com.", otherName},
		{"https://connect.example.com", "connect.example.com.:443", otherName},
		{"https://connect.example.com", "connect.example.com..", foreignHost},
		{"https://connect.example.com", "connect.example.com:80", foreignHost},
		{"https://connect.example.com", "connect.example.com:8080", foreignHost},
		{"https://connect.example.com", "evil.example", foreignHost},
		{"https://connect.example.com", "connect.example.com.evil.example", foreignHost},
		{"https://connect.example.com", "evil.example@connect.example.com", foreignHost},
		{"https://connect.example.com", "connect.example.com/x", foreignHost},
		{"https://connect.example.com", "connect.example.com?x", foreignHost},
		{"https://connect.example.com", "localhost", foreignHost},
		{"https://connect.example.com", "127.0.0.1:443", foreignHost},
		{"https://connect.example.com", "", foreignHost},
		{"https://connect.example.com:8443", "connect.example.com:8443", ownHost},
		{"https://connect.example.com:8443", "connect.example.com", foreignHost},
		{"http://localhost", "localhost:80", ownHost},
		{"http://localhost:8080", "localhost:8080", ownHost},
		{"http://localhost:8080", "127.0.0.1:8080", otherName},
		{"http://localhost:8080", "[::1]:8080", otherName},
		{"http://localhost:8080", "localhost", foreignHost},
		{"http://[::1]:8080", "[0:0:0:0:0:0:0:1]:8080", ownHost},
		{"http://[::1]:8080", "[::1]:8080", ownHost},
		{"http://127.0.0.1:8080", "127.0.0.1:8080", ownHost},
		{"http://127.0.0.1:8080", "localhost:8080", otherName},
		{"http://127.0.0.1:8080", "0.0.0.0:8080", foreignHost},
		{"https://[2001:db8::1]", "[2001:DB8:0::1]", ownHost},
		{"https://[2001:db8::1]", "[2001:db8::2]", foreignHost},
	} {
		base, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := kindOfHost(base, tt.host); got != tt.want {
			t.Errorf("%q at %s: %d, want %d", tt.host, tt.base, got, tt.want)
		}
	}
}
