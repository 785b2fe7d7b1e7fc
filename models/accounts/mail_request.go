package accounts

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// The limits of mails that anybody can have sent to any address. A device that has
// signed in to the account before has counts of its own, so strangers cannot keep
// the owner there from a mail.
var (
	// requestsPerAddress counts the mails that a browser's address asks for.
	requestsPerAddress = Limit{"mail-requests-address", 20, time.Hour}
	// requestsOfStrangers limits how fast the strangers of a lane of networks fill the
	// queue. Who has only a few networks cannot keep all other strangers from a mail.
	requestsOfStrangers = Limit{"mail-requests", 400, time.Hour}
	signUpsPerEmail     = Limit{"sign-ups-email", 3, time.Hour}
	// signUpsPerDay keeps strangers from filling a mailbox. Whenever it refuses a
	// mail, the links of those before still work, since they work for 7 days.
	signUpsPerDay = Limit{"sign-ups-email-day", 6, 24 * time.Hour}
	// resetsPerEmail allows three mails an hour, 20 minutes apart. Their links work
	// for 30 minutes. So whenever it refuses a mail, the link of the one before
	// still works, whoever asked for it.
	resetsPerEmail = Limit{"resets-email", 1, 20 * time.Minute}
)

// RequestedMailsKept is how long mails that anybody could ask for are kept. They
// are of no interest later, and there may be many.
const RequestedMailsKept = 24 * time.Hour

// MailRequest asks for a mail to an address that somebody entered.
type MailRequest struct {
	// Kind is MailSignUp or MailReset.
	Kind    AccountMailKind
	Email   string // parsed with ParseEmail
	Address string // of the browser
	Device  string // the device cookie of this browser, or empty
	// NoStaff sends staff no link. It is for deployments whose staff sign in
	// elsewhere.
	NoStaff bool
}

// onlyMembers is the Detail of a MailReset that staff do not get.
const onlyMembers = "members"

// RequestMail queues a mail. It does the same for every address, whether or not it
// has an account: PrepareMail finds out later whether there is anything to send. It
// returns a ThrottledError if the browser's address has asked for too many mails.
// If there are already enough mails to the recipient, it queues none and says
// nothing, since they have the same link.
func (a *Accounts) RequestMail(ctx context.Context, r MailRequest) error {
	device, err := a.deviceName(ctx, r.Email, r.Device)
	if err != nil {
		return fmt.Errorf("request mail: %w", err)
	}
	perEmail := []Limit{signUpsPerEmail, signUpsPerDay}
	mail := AccountMail{Recipient: r.Email, Kind: r.Kind}
	if r.Kind == MailReset {
		perEmail = []Limit{resetsPerEmail}
		if r.NoStaff {
			mail.Detail = onlyMembers
		}
	}
	var keys []string
	lane := laneOf(r.Address)
	if device == "" {
		keys = []string{requestsPerAddress.key(r.Address), requestsOfStrangers.key(lane)}
	}
	err = a.limited(ctx, keys, func(tx *gorm.DB, now time.Time) error {
		if device == "" {
			if err := requestsPerAddress.Take(tx, r.Address, now); err != nil {
				return err
			}
			if err := requestsOfStrangers.Take(tx, lane, now); err != nil {
				return err
			}
		}
		for _, limit := range perEmail {
			count, err := limit.add(tx, r.Email+" "+device, now)
			if err != nil || count > limit.Tries {
				return err
			}
		}
		return mail.queue(tx, now)
	})
	if err != nil {
		return fmt.Errorf("request mail: %w", err)
	}
	return nil
}
