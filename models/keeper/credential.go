package keeper

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// credential holds a connection's encrypted secrets. It never leaves this package.
type credential struct {
	ConnectionID  uuid.UUID `gorm:"primaryKey"`
	CompanyID     uuid.UUID
	AccessSealed  []byte
	RefreshSealed []byte
	// ClientID and SecretSealed are those of the tenant's own client. They are empty if
	// the connection uses the app's registration.
	ClientID     string
	SecretSealed []byte
	ExpiresAt    time.Time
	Environment  servicetitan.EnvironmentName
	// OwnClient says that the connection uses the tenant's own client.
	OwnClient bool
	// DueAt is when the keeper renews the credential by itself. It is nil for never.
	DueAt *time.Time
	// Generation counts the rewrites. A save names the generation that it replaces.
	Generation int64
	// LeaseOwner alone may renew until LeaseUntil. An owner without LeaseUntil sent a
	// request and got no answer, so the refresh token may be spent.
	LeaseOwner string
	LeaseUntil *time.Time
}

var credentialRow = database.RowOf[credential]()

// place returns the place that the value of a column is bound to.
func (c *credential) place(column string) seal.Place {
	return seal.Place{
		Table: "credentials", Company: c.CompanyID.String(), Row: c.ConnectionID.String(),
		Column: column, Generation: c.Generation,
	}
}

// newCredential returns the row for new tokens, encrypted for their place. The caller
// sets the environment and the schedule.
func newCredential(keys *seal.Keys, companyID, connectionID uuid.UUID, generation int64, t servicetitan.Tokens, own servicetitan.OwnClient) (credential, error) {
	c := credential{ConnectionID: connectionID, CompanyID: companyID, Generation: generation, ExpiresAt: t.ExpiresAt, ClientID: own.ID}
	var err error
	if c.AccessSealed, err = keys.Seal(t.Access.Reveal(), c.place("access_sealed")); err != nil {
		return credential{}, fmt.Errorf("encrypt access token: %w", err)
	}
	if !t.Refresh.IsZero() {
		if c.RefreshSealed, err = keys.Seal(t.Refresh.Reveal(), c.place("refresh_sealed")); err != nil {
			return credential{}, fmt.Errorf("encrypt refresh token: %w", err)
		}
	}
	if c.OwnClient = !own.IsZero(); c.OwnClient {
		if c.SecretSealed, err = keys.Seal(own.Secret.Reveal(), c.place("secret_sealed")); err != nil {
			return credential{}, fmt.Errorf("encrypt client secret: %w", err)
		}
	}
	return c, nil
}

// access decrypts the access token.
func (c *credential) access(keys *seal.Keys) (secret.Value, error) {
	value, err := keys.Open(c.AccessSealed, c.place("access_sealed"))
	if err != nil {
		return secret.Value{}, fmt.Errorf("decrypt access token: %w", err)
	}
	return secret.New(value), nil
}

// refresh decrypts the refresh token. It is zero if the grant has none.
func (c *credential) refresh(keys *seal.Keys) (secret.Value, error) {
	if c.RefreshSealed == nil {
		return secret.Value{}, nil
	}
	value, err := keys.Open(c.RefreshSealed, c.place("refresh_sealed"))
	if err != nil {
		return secret.Value{}, fmt.Errorf("decrypt refresh token: %w", err)
	}
	return secret.New(value), nil
}

// ownClient decrypts the tenant's own client. It is zero if the connection uses the app's
// registration.
func (c *credential) ownClient(keys *seal.Keys) (servicetitan.OwnClient, error) {
	if c.SecretSealed == nil {
		return servicetitan.OwnClient{}, nil
	}
	value, err := keys.Open(c.SecretSealed, c.place("secret_sealed"))
	if err != nil {
		return servicetitan.OwnClient{}, fmt.Errorf("decrypt client secret: %w", err)
	}
	return servicetitan.OwnClient{ID: c.ClientID, Secret: secret.New(value)}, nil
}
