package views

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Account describes who is signed in. Every page may show it.
type Account struct {
	ID            uuid.UUID
	Name, Company string
	CompanyID     uuid.UUID
	// Staff says that the person is a staff member, who has no company.
	Staff bool
	// Unproven asks the person to prove their address.
	Unproven bool
	// Developers says that the person may open the company's pages for developers.
	Developers bool
	// Zone is the zone in which the person sees times. It is nil for UTC.
	Zone *time.Location
}

// Session returns the text by which a page in another tab notices that another
// person is signed in, or that the person has switched to another company.
func (a Account) Session() string {
	if a.CompanyID == uuid.Nil {
		return a.ID.String()
	}
	return a.ID.String() + "/" + a.CompanyID.String()
}

// words says who is signed in.
func (a Account) words() string {
	switch {
	case a.Staff:
		return "Signed in as " + Isolate(a.Name) + ", support console"
	case a.Company != "":
		return "Signed in as " + Isolate(a.Name) + ", " + Isolate(a.Company)
	}
	return "Signed in as " + Isolate(a.Name)
}

type accountKey struct{}

// SignedInAs returns a context whose pages are shown to a person who is signed in.
// Such pages have the script that hides a page after its reader has signed out.
func SignedInAs(ctx context.Context, a Account) context.Context {
	return context.WithValue(ctx, accountKey{}, a)
}

// ZoneOf returns the zone in which the pages of a context show times.
func ZoneOf(ctx context.Context) *time.Location {
	if zone := signedInAs(ctx).Zone; zone != nil {
		return zone
	}
	return time.UTC
}

// signedInAs returns who is signed in. It is the zero Account if nobody is.
func signedInAs(ctx context.Context) Account {
	a, _ := ctx.Value(accountKey{}).(Account)
	return a
}
