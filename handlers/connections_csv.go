package handlers

import (
	"io"
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models/support"
)

// ConnectionsCSV writes connections of all companies as CSV (RFC 4180). Every field
// is quoted.
type ConnectionsCSV struct {
	csvWriter
	begun bool
}

// NewConnectionsCSV returns a ConnectionsCSV that has written nothing yet.
func NewConnectionsCSV(w io.Writer) *ConnectionsCSV { return &ConnectionsCSV{csvWriter: newCSV(w)} }

// Write writes a row for each connection. The first call writes the column names
// before them.
func (c *ConnectionsCSV) Write(list []support.ListedConnection) error {
	if !c.begun {
		c.begun = true
		c.row(csvColumns)
	}
	for _, connection := range list {
		c.row(csvRow(connection))
	}
	return c.flush()
}

var csvColumns = []string{
	"company", "tenant_id", "tenant_name", "environment", "way", "state", "reason", "state_since", "last_renewed", "next_renewal",
	"failures", "upgrade_needed", "connection_id", "company_id",
}

func csvRow(c support.ListedConnection) []string {
	next := ""
	if c.NextRenewalAt != nil {
		next = csvTime(*c.NextRenewalAt)
	}
	return []string{
		csvText(c.CompanyName), strconv.FormatInt(c.TenantID, 10), csvText(c.TenantName), string(c.Environment), string(c.Way), string(c.State),
		string(c.Reason), csvTime(c.StateSince), csvTime(c.RenewedAt), next,
		strconv.Itoa(c.Failures), strconv.FormatBool(c.UpgradeNeeded), c.ID.String(), c.CompanyID.String(),
	}
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
