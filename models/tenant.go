package models

import (
	"regexp"
	"strconv"
	"strings"
)

// tenantLabel and tenantGaps match what people paste with a tenant ID: a label
// before it, and spaces, dashes, or commas within it.
var (
	tenantLabel = regexp.MustCompile(`(?i)^(?:my\s+)?tenant(?:\s+id)?\s*[:#=]?\s*`)
	tenantGaps  = strings.NewReplacer(" ", "", " ", "", "\t", "", "-", "", ",", "", "#", "")
)

// ParseTenantID reads the number that ServiceTitan shows as "My Tenant ID". It
// reports whether the text is a valid ID.
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
	if err != nil || !ValidTenantID(id) {
		return 0, false
	}
	return id, true
}

// TenantDigits is the most digits that a tenant ID has. ServiceTitan's API accepts
// any int64, but its documents and clients show 4 to 10 digits, typically 9 or 10.
const TenantDigits = 10

// ValidTenantID reports whether a number can be a tenant ID.
func ValidTenantID(id int64) bool { return id > 0 && id <= 9_999_999_999 }
