package accounts

import (
	"errors"
	"fmt"
	"time"
)

// ErrForbidden: the visitor's role does not allow it.
var ErrForbidden = errors.New("not allowed for this role")

// ErrSignedOut: the session has ended or its user may not sign in.
var ErrSignedOut = errors.New("signed out")

// ErrNoMembership: the user no longer belongs to the company.
var ErrNoMembership = errors.New("no longer a member")

// ErrLocked: the company is locked.
var ErrLocked = errors.New("company is locked")

// ErrYourself: nobody ends or changes their own staff account.
var ErrYourself = errors.New("not allowed for oneself")

// ErrWrongCredentials: no such email, or another password.
var ErrWrongCredentials = errors.New("wrong email or password")

// ErrEmailTaken: an account with the email exists.
var ErrEmailTaken = errors.New("email is taken")

// ErrUnknownState: the authorization is not this session's, or never was.
var ErrUnknownState = errors.New("unknown authorization")

// ThrottledError says that there were too many tries, and until when.
type ThrottledError struct {
	Until time.Time
	key   string // of the limit
}

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many tries until %s", e.Until.Format(time.RFC3339))
}

// BusyError says that too many people sign in at this moment, and when to try
// again.
type BusyError struct{ Until time.Time }

func (e *BusyError) Error() string {
	return fmt.Sprintf("too many sign-ins at once; try again at %s", e.Until.Format(time.RFC3339))
}

// ErrRemoved: the person was removed from staff.
var ErrRemoved = errors.New("was removed from staff")

// ErrMemberEmail: the email belongs to someone of a company.
var ErrMemberEmail = errors.New("email belongs to a member of a company")

// ErrOtherIdentity: the email belongs to one of staff who signs in with another
// account at the issuer.
var ErrOtherIdentity = errors.New("signs in with another account at the issuer")

// ErrWrongCode: the code of the second factor is not right.
var ErrWrongCode = errors.New("wrong code")

// ErrUsedCode is the ErrWrongCode of a code that was right and was used before.
var ErrUsedCode = fmt.Errorf("used before: %w", ErrWrongCode)

// ErrNoStaff says that somebody no longer belongs to our staff.
var ErrNoStaff = errors.New("no longer one of staff")
