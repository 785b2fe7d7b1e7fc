package handlers

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// ConnectionsCSV writes connections of all companies as CSV (RFC 4180). Every field
// is quoted.
type ConnectionsCSV struct {
	out   *bufio.Writer
	begun bool
}

// NewConnectionsCSV returns a ConnectionsCSV that has written nothing yet.
func NewConnectionsCSV(w io.Writer) *ConnectionsCSV { return &ConnectionsCSV{out: bufio.NewWriter(w)} }

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
	if err := c.out.Flush(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// row writes a line. Flush returns its error. The library's writer omits quotation
// marks that are not needed where a comma separates the fields; where a semicolon
// does, they are.
func (c *ConnectionsCSV) row(fields []string) {
	for i, field := range fields {
		if i > 0 {
			_ = c.out.WriteByte(',')
		}
		_ = c.out.WriteByte('"')
		_, _ = c.out.WriteString(strings.ReplaceAll(field, `"`, `""`))
		_ = c.out.WriteByte('"')
	}
	_, _ = c.out.WriteString("\r\n")
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

// formulaForm matches text that a spreadsheet takes for the beginning of a formula.
// A formula begins at the beginning of a text, or after a semicolon, which ends a
// field in locales where the decimal separator is a comma.
var formulaForm = regexp.MustCompile(`(^|;)([ "]*)([=+\-@|%＝＋－＠％])`)

// csvText changes text so that a spreadsheet takes no part of it for a formula. It
// also removes invisible characters.
func csvText(text string) string {
	return formulaForm.ReplaceAllString(accounts.VisibleText(text), "$1$2'$3")
}
