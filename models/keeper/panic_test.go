package keeper_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// The value of a panic may be a secret or a person's name. The log has only its type and where
// it came from, no matter who asked for the renewal, and the process continues.
func TestPanicsOfRenewalsAreLoggedWithoutValues(t *testing.T) {
	for _, who := range []string{"ahead of time", "on use"} {
		t.Run(who, func(t *testing.T) {
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				due := time.Now()
				if who == "on use" {
					due = due.Add(time.Hour)
				}
				id := k.Seed(1, time.Now(), due)[0]
				k.Pass(16 * time.Minute)
				var well atomic.Bool
				spoil(k, func(*http.Request) (*http.Response, error) {
					if !well.Load() {
						panic("stc_poison")
					}
					return nil, nil
				})
				if who == "on use" {
					_, err := k.Keeper.AccessToken(k.Context(), k.CompanyID, id)
					if e, ok := errors.AsType[*models.ReasonError](err); !ok || e.Reason != models.ReasonUnavailable || !errors.Is(err, database.ErrUnavailable) {
						t.Errorf("asked for access, the keeper says %v", err)
					}
				}
				k.Start()
				k.Pass(10 * time.Second)
				log := k.Logged.String()
				if strings.Contains(log, "stc_poison") {
					t.Errorf("the log holds the value of a panic:\n%s", log)
				}
				if !strings.Contains(log, "renewal panicked") || !strings.Contains(log, "type=string") || !strings.Contains(log, "panic_test.go") {
					t.Errorf("the log does not say what panicked, and where:\n%s", log)
				}
				well.Store(true)
				k.Pass(keeper.LongestRetry + time.Minute)
				if c := k.Connection(id); c.State != models.Connected || c.Generation < 2 {
					t.Errorf("afterwards the connection is %s of generation %d", c.State, c.Generation)
				}
			})
		})
	}
}

func TestPanicsOfWritesAreToldWithoutValues(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.SQLite(t))
	err := db.Write(t.Context(), func(*gorm.DB) error { panic(errors.New("stc_poison")) })
	if err == nil || strings.Contains(err.Error(), "stc_poison") || !strings.Contains(err.Error(), "*errors.errorString") || !strings.Contains(err.Error(), "panic_test.go") {
		t.Errorf("a write that panicked ends with %v", err)
	}
	if err := db.Write(t.Context(), func(*gorm.DB) error { return nil }); err != nil {
		t.Errorf("the next one ends with %v", err)
	}
}
