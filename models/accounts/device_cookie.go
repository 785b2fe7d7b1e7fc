package accounts

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// devicePeople is how many people one browser is known for. A computer in an office
// is often used by several.
const devicePeople = 4

// devicePlace binds an encrypted user ID to the device cookie.
func devicePlace() seal.Place {
	return seal.Place{Table: "devices", Row: "user", Column: "cookie"}
}

// deviceMark shows that a user has signed in on a browser. sealed is how the cookie
// has it, and also identifies the device in counts of attempts.
type deviceMark struct {
	userID uuid.UUID
	sealed string
}

// deviceMarks returns what a device cookie proves.
func (a *Accounts) deviceMarks(cookie string) []deviceMark {
	var marks []deviceMark
	for i, sealed := range strings.SplitN(cookie, ".", devicePeople+1) {
		raw, ok := database.DecodeExactly(sealed)
		if !ok || i == devicePeople {
			continue
		}
		text, err := a.keys.Open(raw, devicePlace())
		if err != nil {
			continue
		}
		if id, err := uuid.Parse(text); err == nil {
			marks = append(marks, deviceMark{id, sealed})
		}
	}
	return marks
}

// DeviceCookie returns the value of a cookie that shows that a user has signed in
// on this browser. cookie is the value that the browser has now, or empty. The
// cookie alone gives no access. known says that the user had signed in on this
// browser before.
func (a *Accounts) DeviceCookie(userID uuid.UUID, cookie string) (value string, known bool, err error) {
	marks := a.deviceMarks(cookie)
	i := slices.IndexFunc(marks, func(m deviceMark) bool { return m.userID == userID })
	if known = i >= 0; known {
		mark := marks[i]
		marks = slices.Insert(slices.Delete(marks, i, i+1), 0, mark)
	} else {
		sealed, err := a.keys.Seal(userID.String(), devicePlace())
		if err != nil {
			return "", false, fmt.Errorf("encrypt device cookie: %w", err)
		}
		marks = slices.Insert(marks, 0, deviceMark{userID, base64.RawURLEncoding.EncodeToString(sealed)})
	}
	values := make([]string, min(len(marks), devicePeople))
	for i := range values {
		values[i] = marks[i].sealed
	}
	return strings.Join(values, "."), known, nil
}

// deviceName returns what identifies the device in counts of attempts for the
// account with an email. It is empty if that account has not signed in on the
// device before. It reads the database only for a cookie that we made, and then in
// the same way for every email.
func (a *Accounts) deviceName(ctx context.Context, email, cookie string) (string, error) {
	marks := a.deviceMarks(cookie)
	if email == "" || len(marks) == 0 {
		return "", nil
	}
	ids := make([]uuid.UUID, len(marks))
	for i, m := range marks {
		ids[i] = m.userID
	}
	var users []User
	if err := a.db.Read(ctx).Select("id", "email").Where("id IN ?", ids).Find(&users).Error; err != nil {
		return "", fmt.Errorf("find the people of a device: %w", err)
	}
	for _, user := range users {
		if user.Email == email {
			return marks[slices.IndexFunc(marks, func(m deviceMark) bool { return m.userID == user.ID })].sealed, nil
		}
	}
	return "", nil
}
