package accounts

import (
	"errors"
	"fmt"
	"time"
)

// Errors about what a visitor or a staff member may do.
var (
	// ErrForbidden says that the role does not allow it.
	ErrForbidden = errors.New("not allowed for this role")
	// ErrSignedOut says that the session has ended or that its user may not sign in.
	ErrSignedOut = errors.New("signed out")
	// ErrNoMembership says that the user no longer belongs to the company.
	ErrNoMembership = errors.New("no longer a member")
	// ErrNoStaff says that the user no longer belongs to our staff.
	ErrNoStaff = errors.New("no longer on the staff")
	// ErrLocked says that the company is locked.
	ErrLocked = errors.New("company is locked")
	// ErrYourself says that nobody may change or end their own staff account.
	ErrYourself = errors.New("not allowed for your own account")
)

// Errors of a company's team.
var (
	// ErrUnproven says that the person has not proved their own address.
	ErrUnproven = errors.New("address is not proven")
	// ErrLastOwner says that the company would have no owner left.
	ErrLastOwner = errors.New("last owner of the company")
	// ErrInTeam says that the address belongs to a member of the company.
	ErrInTeam = errors.New("already belongs to the company")
	// ErrInvited says that the address has an open invitation to the company.
	ErrInvited = errors.New("already invited")
	// ErrTeamFull says that the company may not have more people or invitations.
	ErrTeamFull = errors.New("no room in the team")
	// ErrTooManyCompanies says that the person may not belong to more companies.
	ErrTooManyCompanies = errors.New("too many companies")
	// ErrOtherPerson says that a link is for another address than the visitor's.
	ErrOtherPerson = errors.New("link is for another person")
)

// Errors of signing up, signing in, and adding staff.
var (
	// ErrWrongCredentials says that the email is unknown or the password is wrong.
	ErrWrongCredentials = errors.New("wrong email or password")
	// ErrWrongCode says that the code of the second factor is wrong.
	ErrWrongCode = errors.New("wrong code")
	// ErrUsedCode is an ErrWrongCode for a right code that was used before.
	ErrUsedCode = fmt.Errorf("used before: %w", ErrWrongCode)
	// ErrEmailTaken says that an account with the email exists.
	ErrEmailTaken = errors.New("email is taken")
	// ErrMemberEmail says that the email belongs to a member of a company.
	ErrMemberEmail = errors.New("email belongs to a member of a company")
	// ErrRemoved says that the person was removed from staff.
	ErrRemoved = errors.New("was removed from staff")
	// ErrOtherIdentity says that the email belongs to a staff member who signs in
	// with another account at the issuer.
	ErrOtherIdentity = errors.New("signs in with another account at the issuer")
	// ErrUnknownState says that an authorization does not exist or belongs to
	// another session.
	ErrUnknownState = errors.New("unknown authorization")
)

// ThrottledError says that there were too many attempts. The next one is allowed
// at Until.
type ThrottledError struct {
	Until time.Time
	key   string // of the limit
}

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts until %s", e.Until.Format(time.RFC3339))
}

// BusyError says that too many people are signing in at the same time. The person
// should try again at Until.
type BusyError struct{ Until time.Time }

func (e *BusyError) Error() string {
	return fmt.Sprintf("too many sign-ins at once; try again at %s", e.Until.Format(time.RFC3339))
}
