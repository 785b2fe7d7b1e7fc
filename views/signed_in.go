package views

import (
	"context"

	"github.com/google/uuid"
)

// Account is who is signed in, as every page may say it.
type Account struct {
	ID            uuid.UUID
	Name, Company string
	// Staff says that it is one of our own people, who have no company.
	Staff bool
}

// words say who it is.
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

// SignedInAs returns a context whose pages are shown to somebody who is signed
// in. Such pages have the script, which keeps a page from being seen after its
// reader has signed out.
func SignedInAs(ctx context.Context, a Account) context.Context {
	return context.WithValue(ctx, accountKey{}, a)
}

// signedInAs is who is signed in; the zero Account if nobody is.
func signedInAs(ctx context.Context) Account {
	a, _ := ctx.Value(accountKey{}).(Account)
	return a
}
