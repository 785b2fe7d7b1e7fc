package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// passkeyTime is how long a person may take to answer the browser's question.
const passkeyTime = 5 * time.Minute

var (
	// passkeysPerAddress limits the sign-ins that an address begins, because each
	// creates a session before anybody has signed in.
	passkeysPerAddress = Limit{"passkey-address", 100, 15 * time.Minute}
	// passkeysPerAccount limits what a signed-in person begins.
	passkeysPerAccount = Limit{"passkey-account", 30, 15 * time.Minute}
	// passkeyOnce lets a challenge be answered only once, on any instance. A session
	// cannot ensure that, because two requests may read it at the same time.
	passkeyOnce = Limit{"passkey", 1, 2 * passkeyTime}
)

// ceremonyKind is what a person does with a passkey.
type ceremonyKind string

const (
	addsPasskey  ceremonyKind = "add"
	signsIn      ceremonyKind = "sign_in"
	confirmsSelf ceremonyKind = "confirm"
)

// Ceremony is a question to a browser about a passkey.
type Ceremony struct {
	// Options is what the browser's script is given, as JSON.
	Options []byte
	// Kept is what the session keeps until the answer. The browser never sees it.
	Kept string
}

// keptCeremony is Ceremony.Kept before it is encoded.
type keptCeremony struct {
	Kind    ceremonyKind
	Until   time.Time
	Session webauthn.SessionData
}

func (p *Passkeys) ceremony(kind ceremonyKind, options any, session *webauthn.SessionData) (Ceremony, error) {
	var c Ceremony
	var err error
	if c.Options, err = json.Marshal(options); err != nil {
		return c, fmt.Errorf("ask for passkey: %w", err)
	}
	kept, err := json.Marshal(keptCeremony{Kind: kind, Until: p.db.Now().Add(passkeyTime), Session: *session})
	if err != nil {
		return c, fmt.Errorf("ask for passkey: %w", err)
	}
	c.Kept = string(kept)
	return c, nil
}

// answered uses a kept ceremony up. It returns ErrPasskeyLate if there is none of
// that kind, or if it has expired or was answered before.
func (p *Passkeys) answered(ctx context.Context, kind ceremonyKind, kept string) (webauthn.SessionData, error) {
	var c keptCeremony
	now := p.db.Now()
	// Another version of the program may have kept another form.
	if kept == "" || json.Unmarshal([]byte(kept), &c) != nil || c.Kind != kind || !now.Before(c.Until) {
		return c.Session, ErrPasskeyLate
	}
	err := p.db.Write(ctx, func(tx *gorm.DB) error { return passkeyOnce.Take(tx, c.Session.Challenge, now) })
	if _, again := errors.AsType[*ThrottledError](err); again {
		return c.Session, ErrPasskeyLate
	}
	return c.Session, err
}

// passkeyOwner is a person in the form that the library asks for.
type passkeyOwner struct {
	Person
	passkeys []Passkey
}

// WebAuthnID returns the ID by which devices know the person.
func (o passkeyOwner) WebAuthnID() []byte { return o.UserID[:] }

// WebAuthnName returns the name by which people tell accounts apart.
func (o passkeyOwner) WebAuthnName() string { return o.Email }

// WebAuthnDisplayName returns the person's name.
func (o passkeyOwner) WebAuthnDisplayName() string { return o.Name }

// WebAuthnCredentials returns the person's passkeys.
func (o passkeyOwner) WebAuthnCredentials() []webauthn.Credential {
	credentials := make([]webauthn.Credential, len(o.passkeys))
	for i, passkey := range o.passkeys {
		credentials[i] = passkey.credential()
	}
	return credentials
}

// owner counts a ceremony that a signed-in person begins, and returns the person
// with the passkeys that they have.
func (p *Passkeys) owner(ctx context.Context, who Person) (passkeyOwner, error) {
	key := who.UserID.String()
	err := p.limited(ctx, []string{passkeysPerAccount.key(key)}, func(tx *gorm.DB, now time.Time) error { return passkeysPerAccount.Take(tx, key, now) })
	if err != nil {
		return passkeyOwner{}, err
	}
	passkeys, err := p.PasskeysOf(ctx, who.UserID)
	return passkeyOwner{who, passkeys}, err
}

// BeginAdding asks the person's browser for a new passkey. It returns
// ErrTooManyPasskeys or a ThrottledError.
func (p *Passkeys) BeginAdding(ctx context.Context, who Person) (Ceremony, error) {
	owner, err := p.owner(ctx, who)
	if err != nil {
		return Ceremony{}, err
	}
	if len(owner.passkeys) >= passkeysPerUser {
		return Ceremony{}, ErrTooManyPasskeys
	}
	creation, session, err := p.rp.BeginRegistration(owner, webauthn.WithExclusions(webauthn.Credentials(owner.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for new passkey: %w", err)
	}
	return p.ceremony(addsPasskey, creation.Response, session)
}

// Add stores the passkey that the browser has made, and ends the person's sessions.
// It returns the epoch under which the session that asked goes on. It returns
// ErrPasskeyRefused, ErrPasskeyKnown, ErrTooManyPasskeys, or ErrSignedOut.
func (p *Passkeys) Add(ctx context.Context, who Person, kept string, response []byte, name string) (epoch int, err error) {
	session, err := p.answered(ctx, addsPasskey, kept)
	if err != nil {
		return 0, fmt.Errorf("add passkey: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return 0, fmt.Errorf("add passkey: %w: %w", ErrPasskeyRefused, err)
	}
	made, err := p.rp.CreateCredential(passkeyOwner{Person: who}, session, parsed)
	if err != nil {
		return 0, fmt.Errorf("add passkey: %w: %w", ErrPasskeyRefused, err)
	}
	transports := make([]string, len(made.Transport))
	for i, transport := range made.Transport {
		transports[i] = string(transport)
	}
	passkey := Passkey{
		ID: database.NewID(), UserID: who.UserID, CredentialID: made.ID, PublicKey: made.PublicKey, SignCount: int64(made.Authenticator.SignCount),
		BackupEligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState, Transports: knownTransports(transports), Name: name, CreatedAt: p.db.Now(),
	}
	err = p.db.Write(ctx, func(tx *gorm.DB) error {
		user, err := holdPerson(tx, who)
		if err != nil {
			return err
		}
		var n int64
		if err := tx.Model(&Passkey{}).Where("user_id = ?", user.ID).Count(&n).Error; err != nil {
			return err
		}
		if n >= passkeysPerUser {
			return ErrTooManyPasskeys
		}
		stored := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "credential_id"}}, DoNothing: true}).Create(&passkey)
		if stored.Error == nil && stored.RowsAffected == 0 {
			return ErrPasskeyKnown
		}
		if stored.Error != nil {
			return stored.Error
		}
		epoch, err = securityChanged(tx, user, PasskeyAdded, passkey.CreatedAt)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("add passkey: %w", err)
	}
	return epoch, nil
}

// knownTransports joins those transports that are in the standard. The browser
// sends them without a signature.
func knownTransports(transports []string) string {
	var known []string
	for _, t := range transports {
		switch protocol.AuthenticatorTransport(t) {
		case protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal:
			known = append(known, t)
		}
	}
	return strings.Join(known[:min(len(known), 6)], " ")
}

// BeginSignIn asks a browser at an address for any passkey of the site. It returns
// a ThrottledError if there were too many.
func (p *Passkeys) BeginSignIn(ctx context.Context, address string) (Ceremony, error) {
	err := p.limited(ctx, []string{passkeysPerAddress.key(address)}, func(tx *gorm.DB, now time.Time) error { return passkeysPerAddress.Take(tx, address, now) })
	if err != nil {
		return Ceremony{}, err
	}
	assertion, session, err := p.rp.BeginDiscoverableLogin()
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for passkey: %w", err)
	}
	return p.ceremony(signsIn, assertion.Response, session)
}

// SignIn signs in the person whose passkey answered. noStaff refuses staff, for
// deployments whose staff sign in elsewhere. It returns ErrPasskeyRefused. If it is
// known whose passkey it is, it returns that person with the error.
func (p *Passkeys) SignIn(ctx context.Context, kept string, response []byte, noStaff bool) (SignedIn, error) {
	session, err := p.answered(ctx, signsIn, kept)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in with passkey: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in with passkey: %w: %w", ErrPasskeyRefused, err)
	}
	var in SignedIn
	find := func(_, handle []byte) (webauthn.User, error) {
		id, err := uuid.FromBytes(handle)
		if err != nil {
			return nil, fmt.Errorf("read user handle: %w", err)
		}
		if err := p.db.Read(ctx).Where("id = ? AND disabled_at IS NULL", id).Take(&in.User).Error; err != nil {
			return nil, err
		}
		if noStaff && in.User.StaffRole != "" {
			return nil, ErrForbidden
		}
		passkeys, err := p.PasskeysOf(ctx, id)
		return passkeyOwner{Person{UserID: id}, passkeys}, err
	}
	_, credential, err := p.rp.ValidatePasskeyLogin(find, session, parsed)
	if database.Unavailable(err) {
		return SignedIn{}, fmt.Errorf("sign in with passkey: %w", err)
	}
	if err != nil {
		return in, fmt.Errorf("sign in with passkey: %w: %w", ErrPasskeyRefused, err)
	}
	if err := p.used(ctx, in.User.ID, credential); err != nil {
		return in, fmt.Errorf("sign in with passkey: %w", err)
	}
	if in.CompanyID, err = lastCompany(p.db.Read(ctx), in.User.ID); err != nil {
		return SignedIn{}, fmt.Errorf("sign in with passkey: %w", err)
	}
	return in, nil
}

// BeginConfirming asks the person's browser for one of their passkeys. It returns
// ErrNotFound if they have none, or a ThrottledError.
func (p *Passkeys) BeginConfirming(ctx context.Context, who Person) (Ceremony, error) {
	owner, err := p.owner(ctx, who)
	if err != nil {
		return Ceremony{}, err
	}
	if len(owner.passkeys) == 0 {
		return Ceremony{}, database.ErrNotFound
	}
	assertion, session, err := p.rp.BeginLogin(owner)
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for passkey: %w", err)
	}
	return p.ceremony(confirmsSelf, assertion.Response, session)
}

// Confirm checks that a signed-in person has one of their passkeys at hand. It
// returns ErrPasskeyRefused.
func (p *Passkeys) Confirm(ctx context.Context, who Person, kept string, response []byte) error {
	session, err := p.answered(ctx, confirmsSelf, kept)
	if err != nil {
		return fmt.Errorf("confirm with passkey: %w", err)
	}
	passkeys, err := p.PasskeysOf(ctx, who.UserID)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return fmt.Errorf("confirm with passkey: %w: %w", ErrPasskeyRefused, err)
	}
	credential, err := p.rp.ValidateLogin(passkeyOwner{who, passkeys}, session, parsed)
	if err != nil {
		return fmt.Errorf("confirm with passkey: %w: %w", ErrPasskeyRefused, err)
	}
	if err := p.used(ctx, who.UserID, credential); err != nil {
		return fmt.Errorf("confirm with passkey: %w", err)
	}
	return nil
}

// used notes the use of a passkey whose signature is right. The count of signatures
// may not go back: the passkey would have a copy.
func (p *Passkeys) used(ctx context.Context, userID uuid.UUID, c *webauthn.Credential) error {
	if c.Authenticator.CloneWarning {
		return ErrPasskeyCopied
	}
	now, count := p.db.Now(), int64(c.Authenticator.SignCount)
	return p.db.Write(ctx, func(tx *gorm.DB) error {
		// The person may be removed, or remove the passkey, at this moment.
		if _, err := holdUser(tx, userID); err != nil {
			return fmt.Errorf("%w: %w", ErrPasskeyRefused, err)
		}
		noted := tx.Model(&Passkey{}).Where("user_id = ? AND credential_id = ? AND (sign_count < ? OR (sign_count = 0 AND ? = 0))", userID, c.ID, count, count).
			Updates(map[string]any{"sign_count": count, "backed_up": c.Flags.BackupState, "last_used_at": now})
		if noted.Error != nil {
			return fmt.Errorf("note use of passkey: %w", noted.Error)
		}
		if noted.RowsAffected == 0 {
			return ErrPasskeyCopied
		}
		return nil
	})
}
