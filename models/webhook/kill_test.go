package webhook_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

const (
	kills       = 20
	killChanges = 500
)

// Processes that send are killed 20 times during 500 changes of connections. As many as
// a quarter of that are rolled back. A receiver outside of them gets every change that was
// committed at least once, and none that was rolled back. It gets those of a connection
// in their order: whatever is repeated was the last one that it had.
func TestSenderIsKilledAgainAndAgain(t *testing.T) {
	t.Run("1 on SQLite", func(t *testing.T) { killWhileSending(t, 1, testdb.SQLite(t)) })
	t.Run("2 on PostgreSQL", func(t *testing.T) { killWhileSending(t, 2, testdb.Postgres(t)) })
}

func killWhileSending(t *testing.T, processes int, address string) {
	began := time.Now()
	db := modeltest.OpenAt(t, address)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	keys, err := seal.Create(keyset)
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, func(w http.ResponseWriter, _ received) {
		if rand.IntN(50) == 0 { // it has taken the message, but says that it has not
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	hooks := webhook.New(db, keys, outbound.New(outbound.Rules{Loopback: true}), slog.New(slog.DiscardHandler))
	_, secret, err := hooks.AddEndpoint(t.Context(), accounts.Actor{}, nil, webhook.NewEndpoint{URL: r.URL})
	if err != nil {
		t.Fatal(err)
	}
	child := modeltest.Child{Database: address, Keyset: keyset, Sends: true}
	children := make([]*exec.Cmd, processes)
	for i := range children {
		children[i] = child.Start(t)
	}
	story := newStory(t, db, 25)
	for kill := range kills {
		before := len(r.all())
		for story.committed < (kill+1)*killChanges/kills {
			story.change()
		}
		until(t, func() bool { return len(r.all()) >= before+5 }) // it is in the middle of its work
		victim := children[kill%processes]
		_ = victim.Process.Kill()
		_ = victim.Wait()
		children[kill%processes] = child.Start(t)
	}
	until(t, func() bool {
		var pending int
		if err := db.Read(t.Context()).Raw("SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'").Scan(&pending).Error; err != nil {
			t.Fatal(err)
		}
		return pending == 0
	})
	for _, process := range children {
		_ = process.Process.Signal(syscall.SIGTERM)
		if err := process.Wait(); err != nil {
			t.Errorf("a process does not stop well: %v", err)
		}
	}
	all := r.all()
	if !verified(t, secret, all...) {
		t.Error("not all are signed well")
	}
	repeated := story.check(all)
	t.Logf("%d changes committed, %d rolled back, %d kills: %d requests, %d of them repeated, in %s", story.committed, story.undone, kills, len(all), repeated, time.Since(began))
}

// story changes connections and knows what was committed.
type story struct {
	*testing.T
	db                *database.DB
	connections       []models.Connection
	want              map[uuid.UUID][]string
	committed, undone int
}

func newStory(t *testing.T, db *database.DB, n int) *story {
	t.Helper()
	s := &story{T: t, db: db, want: map[uuid.UUID][]string{}}
	company := accounts.Company{ID: database.NewID(), Name: "Northgate", CreatedAt: db.Now()}
	now := db.Now()
	for i := range n {
		s.connections = append(s.connections, models.Connection{
			ID: database.NewID(), CompanyID: company.ID, Environment: servicetitan.Sandbox, TenantID: int64(i + 1), Way: models.SignInWay,
			State: models.Connected, ConnectedAt: now, CreatedAt: now, UpdatedAt: now,
		})
	}
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&company).Error, tx.Create(&s.connections).Error)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// change makes a change to some connection. Every fifth one is rolled back. The tenant's
// name tells the changes apart.
func (s *story) change() {
	s.Helper()
	c := s.connections[rand.IntN(len(s.connections))]
	number := database.NewID().String()
	undo, errUndone := (s.committed+s.undone)%5 == 4, errors.New("undone")
	err := s.db.Write(s.Context(), func(tx *gorm.DB) error {
		current, err := models.GetConnection(database.ForUpdate(tx), c.CompanyID, c.ID)
		if err != nil {
			return err
		}
		what := models.Transition{What: models.FailedTemporarily, At: s.db.Now(), Reason: models.ReasonUnavailable}
		if current.State == models.Degraded {
			what = models.Transition{What: models.Renewed, At: s.db.Now()}
		}
		what.Edit = func(c *models.Connection) { c.TenantName = number }
		if _, err := models.Apply(tx, &current, what); err != nil {
			return err
		}
		if undo {
			return errUndone
		}
		return nil
	})
	switch {
	case undo && errors.Is(err, errUndone):
		s.undone++
	case undo || err != nil:
		s.Fatal(err)
	default:
		s.committed++
		s.want[c.ID] = append(s.want[c.ID], number)
	}
}

// check compares what arrived with what was committed. It returns how many messages were
// repeated.
func (s *story) check(all []received) (repeated int) {
	s.Helper()
	got := map[uuid.UUID][]string{}
	for _, m := range all {
		var body struct{ Data models.ConnectionNotice }
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
			s.Fatal(err)
		}
		id, number := body.Data.ConnectionID, body.Data.TenantName
		if list := got[id]; len(list) > 0 && list[len(list)-1] == number {
			repeated++
			continue
		}
		got[id] = append(got[id], number)
	}
	for _, c := range s.connections {
		if !slices.Equal(got[c.ID], s.want[c.ID]) {
			s.Errorf("%s: got %d changes, want %d:\n%q\n%q", c.ID, len(got[c.ID]), len(s.want[c.ID]), got[c.ID], s.want[c.ID])
		}
	}
	return repeated
}

// until waits until done returns true. It fails the test after a minute.
func until(t *testing.T, done func() bool) {
	t.Helper()
	limit, again := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-limit:
			t.Fatal("it does not come to pass")
		}
	}
}
