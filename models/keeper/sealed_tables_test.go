package keeper_test

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// seedConnection makes a company with a connection that no sandbox knows.
func seedConnection(t *testing.T, db *database.DB, keys *seal.Keys) models.Connection {
	t.Helper()
	now := db.Now()
	company := accounts.Company{ID: database.NewID(), Name: "Northgate", CreatedAt: now}
	c := models.Connection{
		ID: database.NewID(), CompanyID: company.ID, Environment: servicetitan.Sandbox, TenantID: 842193311, Way: servicetitan.SignIn,
		State: models.Connected, Generation: 1, ConnectedAt: now, RenewedAt: now, ExpiresAt: now.Add(15 * time.Minute), CreatedAt: now, UpdatedAt: now,
	}
	cred, err := keeper.NewCredential(keys, c.CompanyID, c.ID, c.Generation, servicetitan.Tokens{
		Access: secret.New("stc_access"), Refresh: secret.New("stc_refresh"), ExpiresAt: c.ExpiresAt,
	}, servicetitan.OwnClient{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&company).Error, tx.Create(&c).Error, tx.Create(&cred).Error)
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// The database itself refuses plaintext, no matter how it gets there.
func TestSealedColumnsRefusePlaintext(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		seed := seedConnection(t, db, modeltest.TestKeys(t))
		roads := map[string]func(tx *gorm.DB) error{
			"update one": func(tx *gorm.DB) error {
				return tx.Model(&keeper.Credential{}).Where("connection_id = ?", seed.ID).Update("refresh_sealed", []byte("stc_plain")).Error
			},
			"update many": func(tx *gorm.DB) error {
				return tx.Model(&keeper.Credential{}).Where("connection_id = ?", seed.ID).Updates(map[string]any{"access_sealed": []byte("stc_plain")}).Error
			},
			"empty": func(tx *gorm.DB) error {
				return tx.Model(&keeper.Credential{}).Where("connection_id = ?", seed.ID).Update("access_sealed", []byte{}).Error
			},
			"canary": func(tx *gorm.DB) error {
				return tx.Exec("INSERT INTO key_canary (id, sealed) VALUES (1, ?)", []byte("plain")).Error
			},
		}
		for name, road := range roads {
			if err := db.Write(t.Context(), road); err == nil {
				t.Errorf("%s: plaintext was taken", name)
			}
		}
	})
}

func TestCredentialsMatchTheSchema(t *testing.T) {
	modeltest.MatchSchema(t, &keeper.Credential{}, &keeper.Revocation{})
}
