package accounts

import (
	"encoding/base64"
	"fmt"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

func devicePlace(email string) seal.Place {
	return seal.Place{Table: "devices", Row: email, Column: "cookie"}
}

// Device returns what a browser keeps to show that this account has signed in
// from it before. It opens nothing.
func (a *Accounts) Device(email string) (string, error) {
	sealed, err := a.keys.Seal(email, devicePlace(email))
	if err != nil {
		return "", fmt.Errorf("name device: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// deviceName is what tries on a device are counted by: the cookie as decoded. It
// is empty for a device from which the account has not signed in before.
func (a *Accounts) deviceName(email, device string) string {
	if email == "" || device == "" {
		return ""
	}
	sealed, ok := database.DecodeExactly(device)
	if !ok {
		return ""
	}
	if _, err := a.keys.Open(sealed, devicePlace(email)); err != nil {
		return ""
	}
	return string(sealed)
}
