package models

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadTenantID(t *testing.T) {
	tests := []struct {
		typed string
		want  int64
		plain bool
	}{
		{"842193311", 842193311, true},
		{" 842 193 311 ", 842193311, true},
		{"842-193-311", 842193311, true},
		{"842,193,311", 842193311, true},
		{"842\u00a0193\u202f311", 842193311, true},
		{"842–193–311", 842193311, true},
		{"\u200b842193311\r\n", 842193311, true},
		{"8450", 8450, true},
		{"7", 7, true},
		{"9999999999", 9999999999, true},
		{"#842193311", 842193311, false},
		{"8421 93311", 842193311, false},
		{"My Tenant ID: 842193311", 842193311, false},
		{"My Tenant ID\t842193311", 842193311, false},
		{"My Tenant ID: 9 999 999 999", 9999999999, false},
		{"Tenant ID: 842 193 311", 842193311, false},
		{"Tenant ID 842193311", 842193311, false},
		{"tenant #842193311", 842193311, false},
		{"Tenant: 7", 7, false},
		{"TenantID=842193311", 842193311, false},
		{"tenant_id: '842193311'", 842193311, false},
		{`{"tenant": 842193311, "app": 55512345}`, 842193311, false},
		{"My Tenant ID\n842193311", 842193311, false},
		{"tenant ID is 842-193-311.", 842193311, false},
		{"Our number is 842 193 311, thanks", 842193311, false},
		{"Northgate Heating (842193311)", 842193311, false},
		{"Tenant ID: 842193311, app ID: 55512345", 842193311, false},
		{"842193311 or 842 193 311", 842193311, false},
		{"Call 602-555-0100 about tenant 842193311 on 2026-11-30", 842193311, false},
		{"https://api.servicetitan.io/settings/v2/tenant/842193311/business-units?page=1&pageSize=1", 842193311, false},
		{"api.servicetitan.io/crm/v2/tenant/842193311/customers/55512345", 842193311, false},
		{"https://go.servicetitan.com/#/settings?tenant=842193311", 842193311, false},
		{"https://go.servicetitan.com/signin?returnUrl=%2Fsettings%3Ftenantid%3D842193311%20", 842193311, false},
		{"https://go.servicetitan.com/842193311/settings", 842193311, false},
		{"http://127.0.0.1:9090/tenant/842193311", 842193311, false},
	}
	for _, tt := range tests {
		got, err := ReadTenantID(tt.typed)
		if err != nil || got.ID != tt.want || got.Plain != tt.plain {
			t.Errorf("%q: got %+v, %v; want %d, plain %t", tt.typed, got, err, tt.want, tt.plain)
		}
	}
}

func TestNotOneTenantID(t *testing.T) {
	tests := []struct {
		typed   string
		found   []int64
		tooLong int
	}{
		{"", nil, 0},
		{"0", nil, 0},
		{"-", nil, 0},
		{"Northgate", nil, 0},
		{"842x193", nil, 0},
		{"cid.8421933110", nil, 0},
		{"cs1.842193311abc", nil, 0},
		{"٨٤٢", nil, 0},
		{"550e8400-e29b-41d4-a716-446655440000", nil, 0},
		{"2026-11-30 at 12:30", nil, 0},
		{"call 602-555-0100", nil, 0},
		{"https://go.servicetitan.com/", nil, 0},
		{"our number is 8450", []int64{8450}, 0},
		{"99999999999999999999", nil, 20},
		{"905118274905118274", nil, 18},
		{"10000000000", nil, 11},
		{"Tenant ID: 10000000000", nil, 11},
		{"https://api.servicetitan.io/settings/v2/tenant/10000000000", nil, 11},
		{strings.Repeat("1", 101), nil, 101},
		{strings.Repeat("1", tenantText+1), nil, 0},
		{"842193311 905118274", []int64{842193311, 905118274}, 0},
		{"842193311 and 905 118 274", []int64{842193311, 905118274}, 0},
		{"tenant/842193311, tenant/905118274", []int64{842193311, 905118274}, 0},
		{"https://go.servicetitan.com/#/Job/123456789?customer=987654321", []int64{123456789, 987654321}, 0},
		{"111111111 222222222 333333333 444444444", []int64{111111111, 222222222, 333333333}, 0},
	}
	for _, tt := range tests {
		got, err := ReadTenantID(tt.typed)
		problem, ok := errors.AsType[TenantIDError](err)
		if !ok || got != (TenantReading{}) || !slices.Equal(problem.Found, tt.found) || problem.TooLong != tt.tooLong {
			t.Errorf("%q: got %+v, %#v; want %v, %d digits", tt.typed, got, err, tt.found, tt.tooLong)
		}
	}
}

// Whatever people paste, a tenant ID is a number that its digits spell in their order,
// and what is read is read again from the number alone.
func FuzzReadTenantID(f *testing.F) {
	for _, s := range []string{"842193311", "Tenant ID: 842 193 311", "https://go.servicetitan.com/?tenant=1%202", "1-2-3", "tenant/1 tenant/2", "\xff1", "٨1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ReadTenantID(s)
		if err != nil {
			problem, ok := errors.AsType[TenantIDError](err)
			if !ok || got != (TenantReading{}) || len(problem.Found) > foundMost {
				t.Fatalf("%q: %+v, %#v", s, got, err)
			}
			return
		}
		if !ValidTenantID(got.ID) {
			t.Fatalf("%q: %d is not a tenant ID", s, got.ID)
		}
		alone := strconv.FormatInt(got.ID, 10)
		if again, err := ReadTenantID(alone); err != nil || again != (TenantReading{ID: got.ID, Plain: true}) {
			t.Fatalf("%q is read as %s, which is read as %+v, %v", s, alone, again, err)
		}
		if !strings.Contains(s, "%") && utf8.ValidString(s) && !strings.Contains(digitsOf(s), alone) {
			t.Fatalf("%q is read as %s", s, alone)
		}
	})
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func TestAreasSayEverything(t *testing.T) {
	areas := Areas(strings.Fields("tn.crm.customers:r tn.crm.bookings:rw tn.acc.payments:r tn.pay.payroll:r offline_access"))
	var names, scopes []string
	for _, a := range areas {
		names = append(names, a.Name)
		scopes = append(scopes, a.Scopes...)
		if a.Change != (a.Name == "Bookings") {
			t.Errorf("%s: change %t", a.Name, a.Change)
		}
	}
	if got := strings.Join(names, ", "); got != "Customers and locations, Invoices and payments, Bookings, tn.pay.payroll:r" {
		t.Errorf("areas: %s", got)
	}
	if len(scopes) != 4 {
		t.Errorf("scopes told of: %v", scopes)
	}
}
