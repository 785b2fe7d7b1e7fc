package handlers

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// ParseFilter reads a filter as the address of the staff list has it. A value
// that the list does not offer picks nothing out.
func ParseFilter(v url.Values) models.ConnectionFilter { return views.ParseFilter(v) }

// ConnectionsCSV writes connections of all companies as CSV (RFC 4180).
type ConnectionsCSV struct {
	out   *csv.Writer
	begun bool
}

// NewConnectionsCSV returns one that has written nothing yet.
func NewConnectionsCSV(w io.Writer) *ConnectionsCSV {
	c := &ConnectionsCSV{out: csv.NewWriter(w)}
	c.out.UseCRLF = true
	return c
}

// Write writes a row for each, behind the names of the columns.
func (c *ConnectionsCSV) Write(list []models.ListedConnection) error {
	if !c.begun {
		c.begun = true
		if err := c.out.Write(csvColumns); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	for _, connection := range list {
		if err := c.out.Write(csvRow(connection)); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	c.out.Flush()
	if err := c.out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

var csvColumns = []string{
	"company", "tenant_id", "tenant_name", "environment", "way", "state", "reason", "state_since", "last_renewed", "next_renewal",
	"failures", "upgrade_needed", "connection_id", "company_id",
}

func csvRow(c models.ListedConnection) []string {
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

// csvText keeps a spreadsheet from taking text for a formula.
func csvText(text string) string {
	begins, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " "))
	if strings.ContainsRune("=+-@|%\t\r\n＝＋－＠", begins) {
		return "'" + text
	}
	return text
}
