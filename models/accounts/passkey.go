package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// passkeysPerUser is how many passkeys a person may have.
const passkeysPerUser = 10

// Errors about passkeys.
var (
	// ErrPasskeyRefused says that a browser's answer does not show that the person has
	// the passkey.
	ErrPasskeyRefused = errors.New("passkey refused")
	// ErrPasskeyLate is an ErrPasskeyRefused for an answer to a question that was
	// never asked, was answered before, or is too old.
	ErrPasskeyLate = fmt.Errorf("question expired: %w", ErrPasskeyRefused)
	// ErrPasskeyCopied is an ErrPasskeyRefused for a passkey whose count of signatures
	// went back, so that there are probably two copies of its private key.
	ErrPasskeyCopied = fmt.Errorf("count of signatures went back: %w", ErrPasskeyRefused)
	// ErrPasskeyKnown says that the passkey was added before.
	ErrPasskeyKnown = errors.New("passkey was added before")
	// ErrTooManyPasskeys says that the person has as many passkeys as allowed.
	ErrTooManyPasskeys = errors.New("too many passkeys")
	// ErrLastWayIn says that a person without a password may not remove the last
	// passkey.
	ErrLastWayIn = errors.New("the last passkey of a person without a password")
)

// Passkey is a credential with which a person signs in without typing (W3C Web
// Authentication). The private key stays on the person's device.
type Passkey struct {
	ID             uuid.UUID `gorm:"primaryKey"`
	UserID         uuid.UUID
	CredentialID   []byte
	PublicKey      []byte
	SignCount      int64
	BackupEligible bool
	BackedUp       bool
	// Transports are the ways in which browsers can reach the device, separated by
	// spaces.
	Transports string
	Name       string
	CreatedAt  time.Time
	LastUsedAt *time.Time
}

// credential returns the passkey in the form that the library checks. Passkeys are
// only added, and only accepted, if the device has verified the person.
func (p Passkey) credential() webauthn.Credential {
	flags := protocol.FlagUserPresent | protocol.FlagUserVerified
	if p.BackupEligible {
		flags |= protocol.FlagBackupEligible
	}
	if p.BackedUp {
		flags |= protocol.FlagBackupState
	}
	c := webauthn.Credential{
		ID: p.CredentialID, PublicKey: p.PublicKey, Flags: webauthn.NewCredentialFlags(flags),
		Authenticator: webauthn.Authenticator{SignCount: uint32(p.SignCount)}, // #nosec G115 -- it was a uint32
	}
	for transport := range strings.FieldsSeq(p.Transports) {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(transport))
	}
	return c
}

// Passkeys adds people's passkeys and signs people in with them, at one site.
type Passkeys struct {
	*Accounts
	rp *webauthn.WebAuthn
}

// PasskeysAt returns the passkeys of the site with a base URL. It returns nil if
// browsers make no passkeys for such a site: one without https, or with an IP
// address instead of a name.
func (a *Accounts) PasskeysAt(base *url.URL) *Passkeys {
	host := base.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || (base.Scheme != "https" && host != "localhost") {
		return nil
	}
	required := true
	timeout := webauthn.TimeoutConfig{Timeout: passkeyTime, TimeoutUVD: passkeyTime}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Fieldbridge", RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		// The library does not enforce these: it would use another clock than the
		// database's.
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil // a host that is not a domain
	}
	return &Passkeys{a, rp}
}

// PasskeysOf returns a person's passkeys, oldest first.
func (a *Accounts) PasskeysOf(ctx context.Context, userID uuid.UUID) ([]Passkey, error) {
	passkeys, err := passkeysOf(a.db.Read(ctx), userID)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return passkeys, nil
}

func passkeysOf(db *gorm.DB, userID uuid.UUID) ([]Passkey, error) {
	var passkeys []Passkey
	err := db.Where("user_id = ?", userID).Order("created_at, id").Limit(passkeysPerUser).Find(&passkeys).Error
	return passkeys, err
}

// PasskeyOf returns one of a person's passkeys, or ErrNotFound.
func (a *Accounts) PasskeyOf(ctx context.Context, userID, id uuid.UUID) (Passkey, error) {
	var passkey Passkey
	err := a.db.Read(ctx).Where("id = ? AND user_id = ?", id, userID).Take(&passkey).Error
	return passkey, database.Found(err, "find passkey")
}

// RenamePasskey gives one of a person's passkeys another name. It returns
// ErrNotFound if it is not theirs.
func (a *Accounts) RenamePasskey(ctx context.Context, userID, id uuid.UUID, name string) error {
	return a.db.Write(ctx, func(tx *gorm.DB) error {
		renamed := tx.Model(&Passkey{}).Where("id = ? AND user_id = ?", id, userID).Update("name", name)
		if renamed.Error != nil {
			return fmt.Errorf("rename passkey: %w", renamed.Error)
		}
		if renamed.RowsAffected == 0 {
			return database.ErrNotFound
		}
		return nil
	})
}

// RemovePasskey deletes one of a person's passkeys and ends the person's sessions.
// It returns the epoch under which the session that asked goes on. It returns
// ErrNotFound, ErrSignedOut, or ErrLastWayIn.
func (a *Accounts) RemovePasskey(ctx context.Context, who Person, id uuid.UUID) (epoch int, err error) {
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		user, err := holdPerson(tx, who)
		if err != nil {
			return err
		}
		removed := tx.Where("id = ? AND user_id = ?", id, user.ID).Delete(&Passkey{})
		if removed.Error != nil {
			return removed.Error
		}
		if removed.RowsAffected == 0 {
			return database.ErrNotFound
		}
		left, err := passkeysOf(tx, user.ID)
		if err != nil {
			return err
		}
		if len(left) == 0 && user.PasswordHash == "" {
			return ErrLastWayIn
		}
		epoch, err = securityChanged(tx, user, PasskeyRemoved, a.db.Now())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove passkey: %w", err)
	}
	return epoch, nil
}

// forgetPasskeys deletes all passkeys of a user.
func forgetPasskeys(tx *gorm.DB, userID uuid.UUID) error {
	if err := tx.Where("user_id = ?", userID).Delete(&Passkey{}).Error; err != nil {
		return fmt.Errorf("delete passkeys: %w", err)
	}
	return nil
}
