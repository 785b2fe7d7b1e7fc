package models

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// seedConnection makes a connected company without any ServiceTitan.
func seedConnection(t *testing.T, db *DB, keys *seal.Keys) Connection {
	t.Helper()
	now := db.Now()
	company := Company{ID: newID(), Name: "Northgate", CreatedAt: now}
	c := Connection{
		ID: newID(), CompanyID: company.ID, Environment: servicetitan.Sandbox, TenantID: 842193311, Way: servicetitan.SignIn,
		State: Connected, Generation: 1, ConnectedAt: now, RenewedAt: now, ExpiresAt: now.Add(15 * time.Minute), CreatedAt: now, UpdatedAt: now,
	}
	sealed, err := sealCredential(keys, c.CompanyID, c.ID, c.Generation, servicetitan.Tokens{
		Access: secret.New("stc_access"), Refresh: secret.New("stc_refresh"), ExpiresAt: c.ExpiresAt,
	}, servicetitan.OwnClient{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&company).Error, tx.Create(&c).Error, tx.Create(&sealed).Error)
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// Plaintext is refused by the database itself, by whatever road it comes.
func TestSealedColumnsRefusePlaintext(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ *clock) {
		seed := seedConnection(t, db, testKeys(t))
		roads := map[string]func(tx *gorm.DB) error{
			"update one": func(tx *gorm.DB) error {
				return tx.Model(&credential{}).Where("connection_id = ?", seed.ID).Update("refresh_sealed", []byte("stc_plain")).Error
			},
			"update many": func(tx *gorm.DB) error {
				return tx.Model(&credential{}).Where("connection_id = ?", seed.ID).Updates(map[string]any{"access_sealed": []byte("stc_plain")}).Error
			},
			"empty": func(tx *gorm.DB) error {
				return tx.Model(&credential{}).Where("connection_id = ?", seed.ID).Update("access_sealed", []byte{}).Error
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

func TestCredentialsMatchTheSchema(t *testing.T) { matchSchema(t, &credential{}, &revocation{}) }
