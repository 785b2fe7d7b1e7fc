package accounts

import (
	"encoding/base64"
	"fmt"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// devicePlace binds a device cookie to an email.
func devicePlace(email string) seal.Place {
	return seal.Place{Table: "devices", Row: email, Column: "cookie"}
}

// Device returns the value of a cookie that shows that this browser has signed in
// to the account before. The cookie alone gives no access.
func (a *Accounts) Device(email string) (string, error) {
	sealed, err := a.keys.Seal(email, devicePlace(email))
	if err != nil {
		return "", fmt.Errorf("encrypt device cookie: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// deviceName returns the decoded cookie, which identifies the device in counts of
// attempts. It is empty if the device has not signed in to the account before.
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
