package handlers

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// csvWriter writes CSV (RFC 4180). Every field is quoted.
type csvWriter struct{ out *bufio.Writer }

func newCSV(w io.Writer) csvWriter { return csvWriter{bufio.NewWriter(w)} }

// row writes a line. flush returns its error. The library's writer omits quotation
// marks that are not needed where a comma separates the fields; where a semicolon
// does, they are.
func (c csvWriter) row(fields []string) {
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

func (c csvWriter) flush() error {
	if err := c.out.Flush(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
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
