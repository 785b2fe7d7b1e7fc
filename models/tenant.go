package models

import (
	"regexp"
	"strconv"
	"strings"
)

// What people paste around a tenant ID: a label before it, and spaces, dashes
// or commas within.
var (
	tenantLabel = regexp.MustCompile(`(?i)^(?:my\s+)?tenant(?:\s+id)?\s*[:#=]?\s*`)
	tenantGaps  = strings.NewReplacer(" ", "", " ", "", "\t", "", "-", "", ",", "", "#", "")
)

// ParseTenantID reads the number that ServiceTitan shows as "My Tenant ID".
func ParseTenantID(s string) (int64, bool) {
	if len(s) > 100 {
		return 0, false
	}
	digits := tenantGaps.Replace(tenantLabel.ReplaceAllString(strings.TrimSpace(s), ""))
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 {
		return 0, false
	}
	return id, true
}
