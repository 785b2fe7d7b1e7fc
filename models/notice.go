package models

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// CompanyNotice is what back ends are told about a company.
type CompanyNotice struct {
	CompanyID uuid.UUID `json:"company_id"`
	// CompanyName is empty once the company's deletion has begun.
	CompanyName string `json:"company_name"`
	// Reference is the ID that the operator's back end gave the company.
	Reference string `json:"reference"`
	NextStep  string `json:"next_step"`
}

// ConnectionNotice is what back ends are told about a connection. It holds no secret.
type ConnectionNotice struct {
	ConnectionID uuid.UUID                    `json:"connection_id"`
	CompanyID    uuid.UUID                    `json:"company_id"`
	CompanyName  string                       `json:"company_name"`
	Reference    string                       `json:"reference"`
	TenantID     int64                        `json:"tenant_id"`
	TenantName   string                       `json:"tenant_name"`
	Environment  servicetitan.EnvironmentName `json:"environment"`
	State        State                        `json:"state"`
	Reason       Reason                       `json:"reason"`
	// Since is when the connection came into its state.
	Since  time.Time `json:"since"`
	Scopes []string  `json:"scopes"`
	// LastAnsweredAt is when ServiceTitan's API last answered as it should; nil if never.
	LastAnsweredAt *time.Time `json:"last_answered_at"`
	// SetupStep is the step of the guided setup that is open.
	SetupStep SetupStep `json:"setup_step,omitempty"`
	NextStep  string    `json:"next_step"`
	// ConnectSessionID is the connect session through which the change came.
	ConnectSessionID *uuid.UUID `json:"connect_session_id,omitempty"`
}

// queueNotices tells back ends of a change that has been saved.
func (t Transition) queueNotices(tx *gorm.DB, before, c Connection) error {
	if c.State != before.State {
		c.StateSince = t.At // the database sets it
	}
	var err error
	for _, kind := range t.noticesOf(before, c) {
		err = errors.Join(err, queueNotice(tx, kind, c, t.SessionID, t.At))
	}
	return err
}

// noticesOf returns the types of the messages that tell of a change. A renewal that
// changes nothing has none.
func (t Transition) noticesOf(before, c Connection) (types []webhook.Type) {
	switch t.What {
	case Requested:
		types = append(types, webhook.ConnectionSetupChanged)
	case Authorized:
		if before.ConnectedAt.IsZero() {
			return []webhook.Type{webhook.ConnectionConnected}
		}
		types = append(types, webhook.ConnectionReconnected)
	case SecretReplaced:
		switch before.State {
		case ReconnectNeeded:
			types = append(types, webhook.ConnectionReconnected)
		case Degraded:
			types = append(types, webhook.ConnectionRecovered)
		case Pending, Connected, Disconnected: // the old secret has served until now
		}
	case Renewed, Answered:
		if c.Reason == ReasonNone && (c.State != before.State || before.Reason != ReasonNone) {
			types = append(types, webhook.ConnectionRecovered)
		}
	case FailedTemporarily, Unanswered, PutBack:
		if c.State != before.State {
			types = append(types, webhook.ConnectionRetrying)
		}
	case Refused:
		types = append(types, webhook.ConnectionNeedsReconnect)
	case LetGo:
		types = append(types, webhook.ConnectionDisconnected)
	}
	if !SameScopes(before.Scopes, c.Scopes) || before.UpgradeNeeded != c.UpgradeNeeded {
		types = append(types, webhook.ConnectionScopesChanged)
	}
	return types
}

// SameScopes says whether two texts list the same scopes, in whatever order.
func SameScopes(a, b string) bool {
	if a == b {
		return true
	}
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}

// NoteRetrying tells back ends that the access of a connection has expired and is being
// tried again, although its state stays the same.
func NoteRetrying(tx *gorm.DB, c Connection, at time.Time) error {
	return queueNotice(tx, webhook.ConnectionRetrying, c, uuid.Nil, at)
}

// NoteSetup tells back ends that a setup went on or ended, without a change of the
// connection's state. session is the connect session through which the setup came, or
// uuid.Nil. The caller has locked the connection.
func NoteSetup(tx *gorm.DB, c Connection, session uuid.UUID, at time.Time) error {
	return queueNotice(tx, webhook.ConnectionSetupChanged, c, session, at)
}

func queueNotice(tx *gorm.DB, kind webhook.Type, c Connection, session uuid.UUID, at time.Time) error {
	return webhook.Queue(tx, webhook.Message{Type: kind, CompanyID: c.CompanyID, OrderKey: c.ID, At: at, Data: func(tx *gorm.DB) (any, error) {
		return noticeOf(tx, c, session)
	}})
}

// noticeOf returns what back ends are told about a connection.
func noticeOf(tx *gorm.DB, c Connection, session uuid.UUID) (ConnectionNotice, error) {
	company, err := companyNotice(tx, c.CompanyID)
	if err != nil {
		return ConnectionNotice{}, err
	}
	n := ConnectionNotice{
		ConnectionID: c.ID, CompanyID: c.CompanyID, CompanyName: company.CompanyName, Reference: company.Reference, TenantID: c.TenantID,
		TenantName: c.TenantName, Environment: c.Environment, State: c.State, Reason: c.Reason, Since: c.StateSince.UTC(),
		Scopes: append([]string{}, c.ScopeList()...),
	}
	err = database.QueryRow(tx, "SELECT answered_at FROM checks WHERE connection_id = $1", []any{c.ID}, &n.LastAnsweredAt)
	if err != nil && !errors.Is(err, database.ErrNotFound) { // nothing was ever checked
		return ConnectionNotice{}, fmt.Errorf("read last answer: %w", err)
	}
	n.LastAnsweredAt = database.InUTC(n.LastAnsweredAt)
	if session != uuid.Nil {
		n.ConnectSessionID = &session
	}
	if company.CompanyName == "" {
		n.TenantName = "" // it is the company's name, too
	}
	var open *Setup
	if c.SettingUp {
		s, err := FindSetup(tx, c.ID)
		if err != nil {
			return ConnectionNotice{}, err
		}
		open, n.SetupStep = &s, s.Step
	}
	n.NextStep = NextStep(c, open)
	return n, nil
}

// companyNotice returns what back ends are told about a company, without a next step.
// Messages outlast the names that are deleted with a company, so they do not have them.
func companyNotice(tx *gorm.DB, id uuid.UUID) (CompanyNotice, error) {
	n := CompanyNotice{CompanyID: id}
	err := database.QueryRow(tx, "SELECT CASE WHEN deleted_at IS NULL THEN name ELSE '' END, reference FROM companies WHERE id = $1",
		[]any{id}, &n.CompanyName, &n.Reference)
	return n, err
}

// companySteps says what follows a change of a company.
//
//exhaustive:ignore
var companySteps = map[webhook.Type]string{
	webhook.CompanyLocked:   "Our support unlocks the company once the reason for the lock is settled. Until then, its tokens cannot be read.",
	webhook.CompanyUnlocked: "Nothing. Its tokens can be read again.",
	webhook.CompanyDeleted:  "Nothing. Its connections end now.",
}

// NoteCompany tells back ends that a company was locked, unlocked, or deleted. The
// caller has locked its row, and has saved the change.
func NoteCompany(tx *gorm.DB, kind webhook.Type, company accounts.Company, at time.Time) error {
	return webhook.Queue(tx, webhook.Message{Type: kind, CompanyID: company.ID, OrderKey: company.ID, At: at, Data: func(tx *gorm.DB) (any, error) {
		n, err := companyNotice(tx, company.ID)
		n.NextStep = companySteps[kind]
		return n, err
	}})
}
