package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// AuditSessionMade says that a back end made a link with which somebody connects. The
// actor is the name of its key, and the detail is the reference.
const AuditSessionMade accounts.AuditAction = "connect_session_made"

const (
	// sessionsOpen is the most sessions that a key can have under way.
	sessionsOpen = 1000
	// longestReference is the length of the longest reference, in bytes.
	longestReference = 255
	// largestMetadata is the length of the largest metadata as JSON, in bytes.
	largestMetadata = 2 << 10
)

// sessionsOfKey limits how many sessions a key can make, no matter how they end.
var sessionsOfKey = accounts.Limit{Name: "connect-sessions", Tries: 1000, Per: time.Hour}

// ErrTooManySessions says that the key has sessionsOpen sessions under way.
var ErrTooManySessions = errors.New("key has too many open sessions")

// NewSession is what a back end says of the session that it wants.
type NewSession struct {
	// Reference is the back end's ID for the company. A company is made for a new
	// reference, with CompanyName. A key of one company may leave both empty.
	Reference, CompanyName string
	// Environment is empty, Ways are empty, and TenantID is 0 if the person chooses.
	Environment servicetitan.EnvironmentName
	Ways        []servicetitan.Way
	TenantID    int64
	// ConnectionID is the connection to reconnect. It is uuid.Nil for a new one.
	ConnectionID uuid.UUID
	ReturnURL    string
	Metadata     map[string]string
}

// FieldError says what is wrong with a field of a new session.
type FieldError struct{ Field, Problem string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

func wrong(field, problem string) error { return &FieldError{Field: field, Problem: problem} }

// CreateSession makes a connect session for the back end that has a key, and returns
// the secret of its link. It returns a FieldError, ErrTooManySessions, ErrLocked, or a
// ThrottledError. supportCode is that of the request.
func (c *Connections) CreateSession(ctx context.Context, key accounts.APIKey, n NewSession, supportCode string) (s Session, link secret.Value, err error) {
	metadata, err := n.check()
	if err != nil {
		return s, link, err
	}
	create := func(tx *gorm.DB) error {
		s = Session{ID: database.NewID(), KeyID: key.ID, ReturnURL: n.ReturnURL, Metadata: metadata, Status: SessionCreated}
		link, err = c.createSession(tx, &s, n, supportCode)
		return err
	}
	err = c.db.Write(ctx, create)
	if errors.Is(err, gorm.ErrDuplicatedKey) { // another session has just made the company
		err = c.db.Write(ctx, create)
	}
	if err != nil {
		return Session{}, secret.Value{}, fmt.Errorf("create session: %w", err)
	}
	return s, link, nil
}

// check returns the metadata as JSON, or a FieldError for what can be seen without the
// database.
func (n NewSession) check() (metadata string, err error) {
	if len(n.Reference) > longestReference || !plain(n.Reference) || n.Reference != strings.TrimSpace(n.Reference) {
		return "", wrong("reference", "It may have 255 bytes at most, and no control characters or spaces around it.")
	}
	if n.TenantID != 0 && !models.ValidTenantID(n.TenantID) {
		return "", wrong("tenant_id", "It is not a ServiceTitan tenant ID.")
	}
	if n.Metadata == nil {
		return "{}", nil
	}
	text, err := json.Marshal(n.Metadata)
	if err != nil {
		return "", fmt.Errorf("write metadata: %w", err)
	}
	if len(text) > largestMetadata {
		return "", wrong("metadata", "As JSON, it may have 2048 bytes at most.")
	}
	return string(text), nil
}

// plain reports whether a text is valid and has no control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0
}

func (c *Connections) createSession(tx *gorm.DB, s *Session, n NewSession, supportCode string) (link secret.Value, err error) {
	now, err := c.db.SharedNow(tx)
	if err != nil {
		return link, err
	}
	// The count below is exact: this makes other requests with the key wait.
	if err := sessionsOfKey.Take(tx, s.KeyID.String(), now); err != nil {
		return link, err
	}
	var key accounts.APIKey
	if err := tx.Where("id = ?", s.KeyID).Take(&key).Error; err != nil {
		return link, database.Found(err, "find API key")
	}
	if !key.MayReturnTo(n.ReturnURL) {
		return link, wrong("return_url", "It is not one of the return URLs of this key. They are compared character by character.")
	}
	by := accounts.Actor{Name: key.Caller() + " (API key)", SupportCode: supportCode}
	company, err := c.companyOf(tx, by, key, &n, now)
	if err != nil {
		return link, err
	}
	if err := accounts.StillOpen(tx, company.ID); err != nil {
		return link, err
	}
	if err := c.offer(s, n); err != nil {
		return link, err
	}
	var open int64
	err = tx.Model(&Session{}).Where("key_id = ? AND status IN ('created', 'opened') AND expires_at > ?", key.ID, now).Count(&open).Error
	if err != nil {
		return link, err
	}
	if open >= sessionsOpen {
		return link, ErrTooManySessions
	}
	s.CompanyID, s.Reference, s.CallerName = company.ID, company.Reference, key.Caller()
	s.CreatedAt, s.ExpiresAt = now, now.Add(accounts.LinkConnectSession.Life())
	if err := tx.Create(s).Error; err != nil {
		return link, err
	}
	if err := by.AuditIn(tx, company.ID, AuditSessionMade, s.ID, s.Reference, now); err != nil {
		return link, err
	}
	return accounts.MakeLink(tx, accounts.Link{Purpose: accounts.LinkConnectSession, SubjectID: &s.ID}, now)
}

// companyOf returns the company of a new session. If the session reconnects, it fills
// in what the connection says.
func (c *Connections) companyOf(tx *gorm.DB, by accounts.Actor, key accounts.APIKey, n *NewSession, now time.Time) (company accounts.Company, err error) {
	switch {
	case n.ConnectionID != uuid.Nil:
		company, err = c.companyToReconnect(tx, key, n)
	case key.CompanyID != nil:
		company, err = accounts.FindCompany(tx, *key.CompanyID)
	case n.Reference == "":
		return company, wrong("reference", "A key for all companies has to say which company it is about.")
	default:
		return c.companyBy(tx, by, *n, now)
	}
	if err == nil && n.Reference != "" && n.Reference != company.Reference {
		err = wrong("reference", "It is not the reference of this company.")
	}
	return company, err
}

// companyToReconnect returns the company of the connection to reconnect.
func (c *Connections) companyToReconnect(tx *gorm.DB, key accounts.APIKey, n *NewSession) (accounts.Company, error) {
	var connection models.Connection
	found := tx.Where("id = ?", n.ConnectionID)
	if key.CompanyID != nil {
		found = found.Where("company_id = ?", *key.CompanyID)
	}
	if err := found.Take(&connection).Error; errors.Is(err, gorm.ErrRecordNotFound) {
		return accounts.Company{}, wrong("connection_id", "There is no such connection.")
	} else if err != nil {
		return accounts.Company{}, fmt.Errorf("find connection: %w", err)
	}
	if n.Environment != "" && n.Environment != connection.Environment {
		return accounts.Company{}, wrong("environment", "It is not the environment of the connection.")
	}
	if n.TenantID != 0 && n.TenantID != connection.TenantID {
		return accounts.Company{}, wrong("tenant_id", "It is not the tenant ID of the connection.")
	}
	n.Environment, n.TenantID = connection.Environment, connection.TenantID
	return accounts.FindCompany(tx, connection.CompanyID)
}

// companyBy returns the company with a reference. It makes it if there is none.
func (c *Connections) companyBy(tx *gorm.DB, by accounts.Actor, n NewSession, now time.Time) (accounts.Company, error) {
	company, err := accounts.CompanyByReference(tx, n.Reference)
	if !errors.Is(err, database.ErrNotFound) {
		return company, err
	}
	name, problem := accounts.ParseName(n.CompanyName)
	if problem != accounts.NameFine {
		return company, wrong("company_name", "A new company needs a name, with 100 characters at most and without web addresses.")
	}
	return accounts.AddReferredCompany(tx, by, n.Reference, name, now)
}

// offer fills in the environment, the ways, and the tenant that the session leaves to
// the person.
func (c *Connections) offer(s *Session, n NewSession) error {
	var environments []servicetitan.Environment
	for _, e := range c.Environments() {
		if n.Environment == "" || n.Environment == e.Name {
			environments = append(environments, e)
		}
	}
	if len(environments) == 0 {
		return wrong("environment", "Companies cannot connect to this environment.")
	}
	if len(environments) == 1 {
		n.Environment = environments[0].Name
	}
	var ways []string
	for _, e := range environments {
		for _, way := range e.Ways {
			if (len(n.Ways) == 0 || slices.Contains(n.Ways, way)) && !slices.Contains(ways, string(way)) {
				ways = append(ways, string(way))
			}
		}
	}
	for _, way := range n.Ways {
		if !slices.Contains(ways, string(way)) {
			return wrong("ways", "The way "+string(way)+" is not offered.")
		}
	}
	s.Environment, s.Ways, s.TenantID = n.Environment, strings.Join(ways, " "), n.TenantID
	if n.ConnectionID != uuid.Nil {
		s.ConnectionID = &n.ConnectionID
	}
	return nil
}
