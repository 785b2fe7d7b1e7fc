package connect

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// sessionNews is what a webhook message says of a session. It leaves out the metadata,
// because the company's own endpoints get the message, too.
type sessionNews struct {
	ConnectSessionID uuid.UUID                    `json:"connect_session_id"`
	Status           SessionStatus                `json:"status"`
	ConnectionID     *uuid.UUID                   `json:"connection_id"`
	CompanyID        uuid.UUID                    `json:"company_id"`
	CompanyName      string                       `json:"company_name"`
	Reference        string                       `json:"reference"`
	Environment      servicetitan.EnvironmentName `json:"environment"`
	TenantID         int64                        `json:"tenant_id"`
	// Reason is how the last attempt ended, if it made no connection.
	Reason   models.Outcome `json:"reason"`
	Since    time.Time      `json:"since"`
	NextStep string         `json:"next_step"`
}

// nextSteps says what comes next, for each status.
var nextSteps = map[SessionStatus]string{
	SessionCreated:        "The person opens the link and continues.",
	SessionOpened:         "The person connects, or cancels.",
	SessionConnected:      "Nothing. The access token can be read.",
	SessionSetupRequested: "Our staff or the company’s ServiceTitan admin continue the setup.",
	SessionCanceled:       "To connect after all, create another session.",
	SessionExpired:        "To connect after all, create another session.",
}

// NextStep returns what comes next, in words.
func (s Session) NextStep() string { return nextSteps[s.Status] }

// tell queues the message to back ends that the session has another status. The
// transaction has changed its row.
func (s *Session) tell(tx *gorm.DB, now time.Time) error {
	return webhook.Queue(tx, webhook.Message{
		Type: webhook.ConnectSessionUpdated, CompanyID: s.CompanyID, OrderKey: s.ID, At: now,
		Data: func(tx *gorm.DB) (any, error) {
			company, err := accounts.FindCompany(tx, s.CompanyID)
			if err != nil {
				return nil, fmt.Errorf("tell of session: %w", err)
			}
			return sessionNews{
				ConnectSessionID: s.ID, Status: s.Status, ConnectionID: s.ConnectionID, CompanyID: s.CompanyID, CompanyName: company.Name,
				Reference: s.Reference, Environment: s.Environment, TenantID: s.TenantID, Reason: s.LastOutcome, Since: now, NextStep: s.NextStep(),
			}, nil
		},
	})
}
