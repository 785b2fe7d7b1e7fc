package models

import (
	"strings"
	"testing"
)

func TestParseTenantID(t *testing.T) {
	tests := []struct {
		typed string
		want  int64
		ok    bool
	}{
		{"842193311", 842193311, true},
		{" 842 193 311 ", 842193311, true},
		{"842-193-311", 842193311, true},
		{"842,193,311", 842193311, true},
		{"My Tenant ID: 842193311", 842193311, true},
		{"Tenant ID 842193311", 842193311, true},
		{"tenant #842193311", 842193311, true},
		{"#842193311", 842193311, true},
		{"Northgate", 0, false},
		{"842x193", 0, false},
		{"", 0, false},
		{"0", 0, false},
		{"-", 0, false},
		{"99999999999999999999", 0, false},
		{"905118274905118274", 0, false},
		{"9999999999", 9999999999, true},
		{"10000000000", 0, false},
		{"My Tenant ID: 9 999 999 999", 9999999999, true},
		{"٨٤٢", 0, false},
		{strings.Repeat("1", 101), 0, false},
	}
	for _, tt := range tests {
		if got, ok := ParseTenantID(tt.typed); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %d, %t; want %d, %t", tt.typed, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseTenantID(f *testing.F) {
	f.Add("Tenant ID: 1-2")
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := ParseTenantID(s); ok != (id > 0) {
			t.Errorf("%q: %d, %t", s, id, ok)
		}
	})
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
