package main

import (
	"errors"
	"regexp"
	"strings"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// contact returns where people reach support.
func (c *config) contact() handlers.Contact {
	contact := handlers.Contact{Email: c.SupportEmail, Phone: c.SupportPhone}
	if c.SupportURL != nil {
		contact.URL = c.SupportURL.String()
	}
	return contact
}

// plainAddress accepts an address without a name.
func plainAddress(v string) (string, error) {
	if address, ok := accounts.ParseEmail(v); !ok || !strings.EqualFold(address, v) {
		return v, errors.New("is not an address, without a name")
	}
	return v, nil
}

var phoneForm = regexp.MustCompile(`^\+[0-9][0-9 ().-]{5,24}$`)

func phoneNumber(v string) (string, error) {
	if !phoneForm.MatchString(v) {
		return v, errors.New("is not a phone number with its country code")
	}
	return v, nil
}
