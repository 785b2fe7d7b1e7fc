package main

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// reads makes a kong mapper of a function. The function's error must not quote the
// value. Its result is set even if it returns an error, so that a wrong value does not
// count as a missing one.
func reads[T any](parse func(string) (T, error)) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		v, err := parse(ctx.Scan.Pop().String())
		target.Set(reflect.ValueOf(v))
		return err
	})
}

func listenAddr(v string) (string, error) {
	if _, _, err := net.SplitHostPort(v); err != nil {
		return "", errors.New("is not host:port")
	}
	return v, nil
}

// baseURL accepts https, or http on loopback, and removes a trailing slash.
func baseURL(v string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(v, "/"))
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("is not an address")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	case u.Scheme == "http":
		return nil, errors.New("is http, which is allowed only on this machine")
	default:
		return nil, errors.New("is neither https nor http")
	}
	return u, nil
}

// originURL is like baseURL, but refuses a path.
func originURL(v string) (*url.URL, error) {
	u, err := baseURL(v)
	if err == nil && u.Path != "" {
		return nil, errors.New("has a path; only scheme, host, and port count")
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
		return nil, errors.New("is not smtp://host:port or smtps://host:port")
	}
	return u, nil
}

func mailAddress(v string) (string, error) {
	if _, err := mail.ParseAddress(v); err != nil {
		return v, errors.New("is not an address")
	}
	return v, nil
}

// readDuration requires at least and at most the durations in the field's tags. The field
// need not have a most.
func readDuration(ctx *kong.DecodeContext, target reflect.Value) error {
	d, err := time.ParseDuration(ctx.Scan.Pop().String())
	if err != nil {
		return errors.New("is not a duration")
	}
	if least, err := time.ParseDuration(ctx.Value.Tag.Get("least")); err != nil || d < least {
		return fmt.Errorf("is less than %s", least)
	}
	if most, err := time.ParseDuration(ctx.Value.Tag.Get("most")); err == nil && d > most {
		return fmt.Errorf("is more than %s", most)
	}
	target.SetInt(int64(d))
	return nil
}

// timeOfDay returns the time between midnight and a time of day such as 03:30.
func timeOfDay(v string) (*time.Duration, error) {
	at, err := time.Parse("15:04", v)
	if err != nil {
		return nil, errors.New("is not a time of day")
	}
	after := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	return &after, nil
}

func count(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, errors.New("is not a positive number")
	}
	return n, nil
}

// networks returns a list that is not nil, even for the word none.
func networks(v string) ([]netip.Prefix, error) {
	list := []netip.Prefix{}
	if strings.EqualFold(v, "none") {
		return list, nil
	}
	for _, text := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, errors.New("is not a list of networks")
		}
		list = append(list, p)
	}
	return list, nil
}
