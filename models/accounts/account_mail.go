package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// AccountMailsKept is how long mails about accounts are kept.
const AccountMailsKept = 90 * 24 * time.Hour

// AccountMailKind is what a mail about an account is about.
type AccountMailKind string

// All kinds of mails about accounts. The database stores their values.
const (
	// MailSignInTries warns a person about many sign-in attempts by strangers.
	MailSignInTries AccountMailKind = "sign_in_tries"
	// MailSignUp answers a sign-up. It has a link that proves the address. If the
	// address has an account, it says so instead.
	MailSignUp AccountMailKind = "sign_up"
	// MailReset answers a forgotten password. It has a link that lets the person
	// choose another. It is not sent to an address without an account.
	MailReset AccountMailKind = "reset"
	// MailProveEmail has a link by which a person who has an account proves its
	// address.
	MailProveEmail AccountMailKind = "prove_email"
	// MailConfirmEmail has a link that proves the new address of an account. It goes
	// to that address.
	MailConfirmEmail AccountMailKind = "confirm_email"
	// MailEmailChanged tells the old address of an account that it has changed.
	MailEmailChanged AccountMailKind = "email_changed"
	// MailInvitation has a link by which a person joins a company.
	MailInvitation AccountMailKind = "invitation"
	// MailRoleChanged tells a person that their role in a company has changed, or
	// that they no longer belong to it.
	MailRoleChanged AccountMailKind = "role_changed"
	// MailNewDevice tells a person about a sign-in on a device that is new.
	MailNewDevice AccountMailKind = "new_device"
	// MailSecurityChanged tells a person that their password, passkeys, or second
	// step were changed.
	MailSecurityChanged AccountMailKind = "security_changed"
	// MailCompanyDeletion tells an owner that the company will be deleted. Detail
	// has the tenant IDs that are connected, and From is the owner who asked.
	MailCompanyDeletion AccountMailKind = "company_deletion"
	// MailWebhookPaused tells those who manage a webhook endpoint that it was paused.
	// Without a CompanyID, it is an endpoint of the operator.
	MailWebhookPaused AccountMailKind = "webhook_paused"
)

// AccountMail is a mail to a person about their account, or to an address that
// somebody entered. It contains no text that anybody typed.
type AccountMail struct {
	ID uuid.UUID `gorm:"primaryKey"`
	// UserID is the person, or nil if only the address is known.
	UserID    *uuid.UUID
	Recipient string
	// CompanyID is the company that the mail is about, if there is one.
	CompanyID *uuid.UUID
	// SubjectID is what the mail is about, such as an invitation.
	SubjectID *uuid.UUID
	Kind      AccountMailKind
	// Detail is a word or address that the text mentions. Each kind defines it.
	Detail    string
	Tries     int
	NextTryAt *time.Time
	SentAt    *time.Time
	CreatedAt time.Time
}

// queue stores the mail. The outbox sends it soon after the transaction.
func (m AccountMail) queue(tx *gorm.DB, now time.Time) error {
	m.ID, m.NextTryAt, m.CreatedAt = database.NewID(), &now, now
	if err := tx.Create(&m).Error; err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	return nil
}

// mailUser queues a mail to a person's address. It skips a person who has not
// proved the address.
func mailUser(tx *gorm.DB, user User, m AccountMail, now time.Time) error {
	if user.ProvenAt == nil || user.DisabledAt != nil {
		return nil
	}
	m.UserID, m.Recipient = &user.ID, user.Email
	return m.queue(tx, now)
}

// PreparedMail is a mail about an account with everything that its text mentions.
type PreparedMail struct {
	AccountMail
	// Link is the secret of the mail's link. It is zero for a mail without one.
	Link secret.Value
	// Known says that the recipient has an account.
	Known bool
	// From is the proven address of the person who caused the mail, if there is one.
	From string
	// ByOperator says that staff or an operator caused the mail.
	ByOperator bool
}

// PrepareMail returns a mail that is about to be sent. It makes the mail's link, so
// that no secret is stored with the queued mail. Each attempt to send the mail has
// a link of its own. PrepareMail returns ErrNotFound for a mail that is not to be
// sent after all, for example because the address has no account. Whoever asked
// for such a mail cannot tell from the answer or its time.
func PrepareMail(ctx context.Context, db *database.DB, id uuid.UUID) (PreparedMail, error) {
	var mail PreparedMail
	err := db.Write(ctx, func(tx *gorm.DB) error {
		mail = PreparedMail{} // of an earlier run
		if err := tx.Where("id = ?", id).Take(&mail.AccountMail).Error; err != nil {
			return database.Found(err, "find mail")
		}
		return mail.prepare(tx, db.Now())
	})
	if err != nil {
		return PreparedMail{}, fmt.Errorf("prepare mail: %w", err)
	}
	return mail, nil
}

// prepare completes the mail by its kind.
func (m *PreparedMail) prepare(tx *gorm.DB, now time.Time) error {
	switch m.Kind {
	case MailSignUp:
		return m.prepareSignUp(tx, now)
	case MailReset:
		return m.prepareReset(tx, now)
	case MailConfirmEmail:
		return m.prepareConfirmEmail(tx, now)
	case MailInvitation:
		return m.prepareInvitation(tx, now)
	case MailRoleChanged:
		return m.prepareRoleChange(tx)
	case MailCompanyDeletion:
		return m.prepareDeletion(tx)
	case MailProveEmail:
		return m.prepareProof(tx, now)
	case MailSignInTries, MailEmailChanged, MailNewDevice, MailSecurityChanged, MailAskUsed, MailWebhookPaused:
	}
	return nil
}

// prepareSignUp makes a link that creates an account for the address. An account
// that has not proved the address does not stand in the way. If a proven one has
// it, the mail says so and has no link, and its person learns that somebody tried.
// A person whose account was disabled gets no mail.
func (m *PreparedMail) prepareSignUp(tx *gorm.DB, now time.Time) (err error) {
	user, known, err := holderOf(tx, m.Recipient)
	if err != nil {
		return err
	}
	m.Known = known
	switch {
	case !known || user.unproven():
		m.Link, err = MakeLink(tx, Link{Purpose: LinkVerify, Email: m.Recipient}, now)
		return err
	case user.DisabledAt != nil:
		return database.ErrNotFound
	}
	return nil
}

// prepareReset makes a link that lets the person choose another password. Earlier
// links keep working until one is used. Otherwise strangers could end the link that
// the person is about to use.
func (m *PreparedMail) prepareReset(tx *gorm.DB, now time.Time) (err error) {
	user, known, err := holderOf(tx, m.Recipient)
	switch {
	case err != nil:
		return err
	case !known, user.DisabledAt != nil, user.StaffRole != "" && m.Detail == onlyMembers:
		return database.ErrNotFound
	}
	m.Known = true
	m.Link, err = MakeLink(tx, Link{Purpose: LinkReset, Email: user.Email, UserID: &user.ID}, now)
	return err
}

// prepareProof makes a link that proves the address of its account, if that is
// still the address and still not proven.
func (m *PreparedMail) prepareProof(tx *gorm.DB, now time.Time) (err error) {
	user, known, err := holderOf(tx, m.Recipient)
	switch {
	case err != nil:
		return err
	case !known, user.DisabledAt != nil, !user.unproven(), m.UserID == nil, user.ID != *m.UserID:
		return database.ErrNotFound
	}
	m.Known = true
	m.Link, err = MakeLink(tx, Link{Purpose: LinkVerify, Email: user.Email, UserID: &user.ID}, now)
	return err
}

// tellOwner warns the person whose account it is, at most once a day, that
// strangers are making many attempts to sign in. An unknown email does the same
// work, except for the mail.
func (a *Accounts) tellOwner(ctx context.Context, email string, user User, strange int) error {
	if strange < signInAlarm.Tries {
		return nil
	}
	err := a.limited(ctx, []string{signInTold.key(email)}, func(tx *gorm.DB, now time.Time) error {
		if err := signInTold.Take(tx, email, now); err != nil {
			return err
		}
		if user.PasswordHash == "" { // no account, or one without a password
			return nil
		}
		return mailUser(tx, user, AccountMail{Kind: MailSignInTries}, now)
	})
	if _, told := errors.AsType[*ThrottledError](err); told {
		return nil
	}
	return err
}
