package keeper

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// credential is a connection's sealed secrets. It never leaves this package.
type credential struct {
	ConnectionID  uuid.UUID `gorm:"primaryKey"`
	CompanyID     uuid.UUID
	AccessSealed  []byte
	RefreshSealed []byte
	// ClientID and SecretSealed are the tenant's own client, for the ways that
	// use one.
	ClientID     string
	SecretSealed []byte
	ExpiresAt    time.Time
	Environment  servicetitan.EnvironmentName
	// OwnClient says that there is a client of the tenant's.
	OwnClient bool
	// DueAt is when the keeper renews it by itself; nil when never.
	DueAt *time.Time
	// Generation counts the rewrites; a save names the one it replaces.
	Generation int64
	// LeaseOwner may renew until LeaseUntil; nobody else may. One without an end
	// has asked in vain, and the refresh token may be spent by it.
	LeaseOwner string
	LeaseUntil *time.Time
}

func (c *credential) place(column string) seal.Place {
	return seal.Place{
		Table: "credentials", Company: c.CompanyID.String(), Row: c.ConnectionID.String(),
		Column: column, Generation: c.Generation,
	}
}

// newCredential makes the row for new tokens.
func newCredential(keys *seal.Keys, companyID, connectionID uuid.UUID, generation int64, t servicetitan.Tokens, own servicetitan.OwnClient) (credential, error) {
	c := credential{ConnectionID: connectionID, CompanyID: companyID, Generation: generation, ExpiresAt: t.ExpiresAt, ClientID: own.ID}
	var err error
	if c.AccessSealed, err = keys.Seal(t.Access.Reveal(), c.place("access_sealed")); err != nil {
		return credential{}, fmt.Errorf("seal access token: %w", err)
	}
	if !t.Refresh.IsZero() {
		if c.RefreshSealed, err = keys.Seal(t.Refresh.Reveal(), c.place("refresh_sealed")); err != nil {
			return credential{}, fmt.Errorf("seal refresh token: %w", err)
		}
	}
	if c.OwnClient = !own.IsZero(); c.OwnClient {
		if c.SecretSealed, err = keys.Seal(own.Secret.Reveal(), c.place("secret_sealed")); err != nil {
			return credential{}, fmt.Errorf("seal client secret: %w", err)
		}
	}
	return c, nil
}

func (c *credential) access(keys *seal.Keys) (secret.Value, error) {
	value, err := keys.Open(c.AccessSealed, c.place("access_sealed"))
	if err != nil {
		return secret.Value{}, fmt.Errorf("open access token: %w", err)
	}
	return secret.New(value), nil
}

// refresh is zero where the grant has no refresh token.
func (c *credential) refresh(keys *seal.Keys) (secret.Value, error) {
	if c.RefreshSealed == nil {
		return secret.Value{}, nil
	}
	value, err := keys.Open(c.RefreshSealed, c.place("refresh_sealed"))
	if err != nil {
		return secret.Value{}, fmt.Errorf("open refresh token: %w", err)
	}
	return secret.New(value), nil
}

// ownClient is zero where the connection uses the app's registration.
func (c *credential) ownClient(keys *seal.Keys) (servicetitan.OwnClient, error) {
	if c.SecretSealed == nil {
		return servicetitan.OwnClient{}, nil
	}
	value, err := keys.Open(c.SecretSealed, c.place("secret_sealed"))
	if err != nil {
		return servicetitan.OwnClient{}, fmt.Errorf("open client secret: %w", err)
	}
	return servicetitan.OwnClient{ID: c.ClientID, Secret: secret.New(value)}, nil
}
