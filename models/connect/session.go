package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// SessionStatus is how far a connect session has come:
//
//	created ─┬▶ opened ─┬▶ connected ◀──────┐
//	         │          ├▶ setup_requested ─┤
//	         ├──────────┼▶ canceled ◀───────┘
//	         └──────────┴▶ expired
//
// An attempt that fails changes no status, because the person can try again until the
// session expires. Session.LastOutcome says how it ended.
type SessionStatus string

// All statuses. The database stores their values, and back ends know them.
const (
	// SessionCreated says that nobody has gone on with the link yet.
	SessionCreated SessionStatus = "created"
	// SessionOpened says that the session is bound to a browser.
	SessionOpened SessionStatus = "opened"
	// SessionConnected says that the connection works.
	SessionConnected SessionStatus = "connected"
	// SessionSetupRequested says that the person has done their part of a guided
	// setup. It becomes SessionConnected or SessionCanceled when the setup ends.
	SessionSetupRequested SessionStatus = "setup_requested"
	// SessionCanceled says that the person, or whoever canceled the setup, did not want
	// to connect.
	SessionCanceled SessionStatus = "canceled"
	// SessionExpired says that the time was over before the person had finished.
	SessionExpired SessionStatus = "expired"
)

// sessionMoves says from which statuses a session comes to each status.
var sessionMoves = map[SessionStatus][]SessionStatus{
	SessionCreated:        {},
	SessionOpened:         {SessionCreated},
	SessionConnected:      {SessionOpened, SessionSetupRequested},
	SessionSetupRequested: {SessionOpened},
	SessionCanceled:       {SessionCreated, SessionOpened, SessionSetupRequested},
	SessionExpired:        {SessionCreated, SessionOpened},
}

// underWay reports whether the person can still do something.
func (s SessionStatus) underWay() bool { return s == SessionCreated || s == SessionOpened }

// SessionOpenLife is how long a session works once it is bound to a browser. Before,
// it works as long as its link.
const SessionOpenLife = 2 * time.Hour

// SessionsKept is how long a session is kept after it expires.
const SessionsKept = 30 * 24 * time.Hour

// Session is what a back end asks somebody to do: to connect a company to
// ServiceTitan. That person has a link and needs no account.
type Session struct {
	ID    uuid.UUID `gorm:"primaryKey"`
	KeyID uuid.UUID
	// CompanyID is the company that will be connected, and Reference is the back end's
	// ID for it.
	CompanyID uuid.UUID
	Reference string
	// CallerName says who asks, and ReturnURL is where the person goes at the end. Both
	// are what they were when the session was made.
	CallerName, ReturnURL string
	// Environment is empty, and TenantID 0, if the person chooses. Ways are separated
	// by spaces; WayList reads them.
	Environment servicetitan.EnvironmentName
	Ways        string
	TenantID    int64
	// ConnectionID is the connection to reconnect, or the one that the session led to.
	// It is nil until a first connection is made.
	ConnectionID *uuid.UUID
	// Metadata is what the back end keeps with the session, as JSON. Only back ends see
	// it.
	Metadata string
	// BindingHash is the hash of a value that only the browser has in which the person
	// went on.
	BindingHash []byte
	Status      SessionStatus
	// LastOutcome is how the last attempt ended without a connection, if there was
	// one.
	LastOutcome models.Outcome
	CreatedAt   time.Time
	ExpiresAt   time.Time
	OpenedAt    *time.Time
	FinishedAt  *time.Time
}

// TableName returns the table's name. Package accounts has other sessions.
func (Session) TableName() string { return "connect_sessions" }

// StatusAt returns the status at a time. A session expires at once, although the
// record of it changes only when ExpireSessions runs.
func (s Session) StatusAt(now time.Time) SessionStatus {
	if s.Status.underWay() && !s.ExpiresAt.After(now) {
		return SessionExpired
	}
	return s.Status
}

// WayList returns the ways among which the person can choose.
func (s Session) WayList() []servicetitan.Way {
	var ways []servicetitan.Way
	for way := range strings.FieldsSeq(s.Ways) {
		ways = append(ways, servicetitan.Way(way))
	}
	return ways
}

// MetadataMap returns what the back end keeps with the session.
func (s Session) MetadataMap() map[string]string {
	values := map[string]string{}
	_ = json.Unmarshal([]byte(s.Metadata), &values) // it was made from such a map
	return values
}

// ReturnTo returns where the person goes at the end: the return URL with the session
// and its status, and no secret.
func (s Session) ReturnTo(now time.Time) string {
	to, err := url.Parse(s.ReturnURL)
	if err != nil {
		return s.ReturnURL // it was checked with the key
	}
	end := url.Values{"session": {s.ID.String()}, "status": {string(s.StatusAt(now))}}.Encode()
	to.RawQuery = strings.TrimPrefix(to.RawQuery+"&"+end, "&")
	return to.String()
}

// ReturnOrigin returns the origin of the return URL.
func (s Session) ReturnOrigin() string {
	to, err := url.Parse(s.ReturnURL)
	if err != nil {
		return ""
	}
	return to.Scheme + "://" + to.Host
}

// Fits reports whether a choice is one of those that the session leaves to the person.
func (s Session) Fits(choice models.Choice) bool {
	return (s.Environment == "" || choice.Environment == s.Environment) && (s.TenantID == 0 || choice.TenantID == s.TenantID) &&
		slices.Contains(s.WayList(), choice.Way)
}

// pinned returns the choice with the connection that the session reconnects.
func (s Session) pinned(choice models.Choice) models.Choice {
	choice.ConnectionID = uuid.Nil
	if s.ConnectionID != nil {
		choice.ConnectionID = *s.ConnectionID
	}
	return choice
}

// errSessionMoved says that a session has another status by now, from which it cannot
// come to the wanted one.
var errSessionMoved = errors.New("session has another status by now")

// move gives the session another status, sets columns with it, and tells back ends. It
// returns errSessionMoved if the table does not lead there from the current status, or
// if the session has expired. s is then what it was.
func (s *Session) move(tx *gorm.DB, to SessionStatus, now time.Time, set map[string]any) error {
	columns := map[string]any{"status": to}
	if !to.underWay() {
		columns["finished_at"] = now
	}
	for column, value := range set {
		columns[column] = value
	}
	in := tx.Model(&Session{}).Where("id = ? AND status IN ?", s.ID, sessionMoves[to])
	if to == SessionExpired {
		in = in.Where("expires_at <= ?", now)
	} else {
		in = in.Where("(status = ? OR expires_at > ?)", SessionSetupRequested, now)
	}
	moved := in.Updates(columns)
	if moved.Error != nil {
		return fmt.Errorf("change session to %s: %w", to, moved.Error)
	}
	if moved.RowsAffected == 0 {
		return errSessionMoved
	}
	if err := tx.Where("id = ?", s.ID).Take(s).Error; err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	if !to.underWay() {
		if err := accounts.EndLinks(tx, accounts.LinkConnectSession, "subject_id", s.ID); err != nil {
			return err
		}
	}
	return s.tell(tx, now)
}

// sessionOf returns the session of a guest, or uuid.Nil.
func sessionOf(g guest) uuid.UUID {
	if visit, ok := g.(Visit); ok {
		return visit.ID
	}
	return uuid.Nil
}

// waitingFor returns the newest session that waits for the setup of a connection, or
// uuid.Nil.
func waitingFor(tx *gorm.DB, connectionID uuid.UUID) (uuid.UUID, error) {
	var ids []uuid.UUID
	err := tx.Model(&Session{}).Where("connection_id = ? AND status = ?", connectionID, SessionSetupRequested).Order("id DESC").Limit(1).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return uuid.Nil, err
	}
	return ids[0], nil
}

// endWaiting ends the sessions that wait for the setup of a connection, and returns the
// newest, or uuid.Nil. A transaction that also takes the connection's row takes it first.
func endWaiting(tx *gorm.DB, connectionID uuid.UUID, to SessionStatus, now time.Time) (newest uuid.UUID, err error) {
	var waiting []Session
	err = tx.Where("connection_id = ? AND status = ?", connectionID, SessionSetupRequested).Order("id").Find(&waiting).Error
	if err != nil {
		return newest, fmt.Errorf("find sessions that wait: %w", err)
	}
	for i := range waiting {
		newest = waiting[i].ID
		if err := waiting[i].move(tx, to, now, nil); err != nil && !errors.Is(err, errSessionMoved) {
			return newest, err
		}
	}
	return newest, nil
}
