package connect_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A page has the same records as the functions that read each of them with GORM, for
// connections with everything and with nothing. It reads no whole table.
func TestPageReadsWholeRecords(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		connections, owner := c.Connections(), asker(c.Kept)
		ask, _, err := connections.MakeAsk(t.Context(), owner, northgateBySignIn)
		if err != nil {
			t.Fatal(err)
		}
		full, bare := c.Add(owner.CompanyID, modeltest.Northgate, func(o *models.Connection) { o.SettingUp = true }), c.Add(owner.CompanyID, 77, nil)
		connection, err := connections.Get(t.Context(), owner.CompanyID, full)
		if err != nil {
			t.Fatal(err)
		}
		ask.ConnectionID = &full
		setup := models.Setup{
			ID: database.NewID(), ConnectionID: full, CompanyID: owner.CompanyID, Environment: connection.Environment, TenantID: connection.TenantID,
			Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Since: c.DB.Now(), RequestedAt: c.DB.Now(), Proof: models.Proof{Channel: models.OnScreen},
		}
		c.Write(func(tx *gorm.DB) error { return tx.Create(&setup).Error })
		connection.ConnectedByID, connection.OldSecret = &owner.UserID, "cs1"
		later := c.DB.Now().Add(time.Hour)
		for _, record := range []any{&connection, &setup, &ask} {
			fill(t, reflect.ValueOf(record).Elem(), later, "ClosedAt", "EndedAt", "Ended")
			c.Write(func(tx *gorm.DB) error { return tx.Select("*").Updates(record).Error })
		}
		member := owner
		member.Role = accounts.Member
		for _, v := range []accounts.Visitor{owner, member} {
			for _, id := range []uuid.UUID{full, bare} {
				var page connect.Page
				var err error
				modeltest.Explains(t, c.DB, "page", func() {
					page, err = connections.Page(t.Context(), v, id)
					for _, part := range models.TimelineParts() {
						if err == nil {
							_, err = connections.History(t.Context(), page, part)
						}
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				wantConnection, err := connections.Get(t.Context(), v.CompanyID, id)
				if err != nil || !reflect.DeepEqual(page.Connection, wantConnection) {
					t.Errorf("connection %+v, want %+v, %v", page.Connection, wantConnection, err)
				}
				var wantSetup *models.Setup
				if setup, err := models.FindSetup(c.DB.Read(t.Context()), id); err == nil {
					wantSetup = &setup
				}
				if !reflect.DeepEqual(page.Setup, wantSetup) || (page.Setup != nil) != (id == full) {
					t.Errorf("setup %+v, want %+v", page.Setup, wantSetup)
				}
				asks, err := connections.OpenAsks(t.Context(), v.CompanyID)
				if err != nil || len(asks) != 1 {
					t.Fatalf("%d asks, %v", len(asks), err)
				}
				if wanted := v.Owns() && id == full; (page.Ask != nil) != wanted || wanted && !reflect.DeepEqual(*page.Ask, asks[0]) {
					t.Errorf("ask %+v, want %+v", page.Ask, asks[0])
				}
				var wantOwners []string
				if !v.Owns() {
					wantOwners, err = accounts.New(c.DB, c.Keys, 1).OwnerNames(t.Context(), v.CompanyID)
				}
				if err != nil || !reflect.DeepEqual(page.Owners, wantOwners) {
					t.Errorf("owners %q, want %q, %v", page.Owners, wantOwners, err)
				}
			}
		}
		member.CompanyID = database.NewID()
		if _, err := connections.Page(t.Context(), member, full); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("for another company: %v", err)
		}
	})
}

// fill sets every field of a record that is zero to something else, except those with
// the given names.
func fill(t *testing.T, record reflect.Value, at time.Time, except ...string) {
	t.Helper()
	for i := range record.NumField() {
		name, field := record.Type().Field(i).Name, record.Field(i)
		if !field.IsZero() || slices.Contains(except, name) {
			continue
		}
		switch field.Interface().(type) {
		case time.Time:
			field.Set(reflect.ValueOf(at))
			continue
		case *time.Time:
			field.Set(reflect.ValueOf(&at))
			continue
		case []byte:
			field.Set(reflect.ValueOf([]byte(name)))
			continue
		}
		switch field.Kind() {
		case reflect.String:
			field.SetString(name)
		case reflect.Int, reflect.Int64:
			field.SetInt(7)
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Struct:
			fill(t, field, at)
		default:
			t.Fatalf("cannot fill %s, a %s", name, field.Type())
		}
	}
}
