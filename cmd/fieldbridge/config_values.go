package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

func listenAddr(v string) (string, error) {
	if _, _, err := net.SplitHostPort(v); err != nil {
		return "", errors.New("is not host:port")
	}
	return v, nil
}

// baseURL wants https, or http on loopback, and takes a trailing slash off.
func baseURL(v string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(v, "/"))
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("is not an address")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	case u.Scheme == "http":
		return nil, errors.New("is http, which is allowed on this machine alone")
	default:
		return nil, errors.New("is neither https nor http")
	}
	return u, nil
}

// originURL is baseURL without a path.
func originURL(v string) (*url.URL, error) {
	u, err := baseURL(v)
	if err == nil && u.Path != "" {
		return nil, errors.New("has a path; only scheme, host and port count")
	}
	return u, err
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func smtpURL(v string) (*url.URL, error) {
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Path != "" {
		return nil, errors.New("is not smtp://host:port or smtps://host:port") // without its own words: it holds a password
	}
	return u, nil
}

// timeOfDay is how long after midnight 03:30 is.
func timeOfDay(v string) (*time.Duration, error) {
	at, err := time.Parse("15:04", v)
	if err != nil {
		return nil, errors.New("is not a time of day")
	}
	after := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	return &after, nil
}

func atLeast(v string, least time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, errors.New("is not a duration")
	}
	if d < least {
		return 0, fmt.Errorf("is less than %s", least)
	}
	return d, nil
}

func networks(v string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, errors.New("is not a list of networks")
		}
		list = append(list, p)
	}
	return list, nil
}

func ways(v string) ([]servicetitan.Way, error) {
	var list []servicetitan.Way
	for _, text := range strings.Split(v, ",") {
		way := servicetitan.Way(strings.TrimSpace(text))
		switch way {
		case servicetitan.SignIn, servicetitan.Guided, servicetitan.OwnCredentials:
			list = append(list, way)
		default:
			return nil, errors.New("names a way that does not exist")
		}
	}
	return list, nil
}

func oneOf(v string, allowed ...string) (string, error) {
	for _, a := range allowed {
		if v == a {
			return v, nil
		}
	}
	return "", fmt.Errorf("is not one of %s", strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}
