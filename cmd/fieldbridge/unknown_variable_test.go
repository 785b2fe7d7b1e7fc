package main

import "testing"

// The warning names the variable that was probably meant, or none if the choice would
// be a guess.
func TestUnknownVariables(t *testing.T) {
	for name, nearest := range map[string]string{
		"FIELDBRIDGE_BASEURL":                   "FIELDBRIDGE_BASE_URL",
		"FIELDBRIDGE_TRUSTED_PROXY":             "FIELDBRIDGE_TRUSTED_PROXIES",
		"FIELDBRIDGE_DATABASE":                  "FIELDBRIDGE_DATABASE_URL",
		"fieldbridge_addr":                      "FIELDBRIDGE_ADDR",
		"SERVICETITAN_APP_KEY":                  "SERVICETITAN_PRODUCTION_APP_KEY",
		"SERVICETITAN_PRODUCTON_CLIENT_ID":      "SERVICETITAN_PRODUCTION_CLIENT_ID",
		"SERVICETITAN_INTEGRATION_CLIENTSECRET": "SERVICETITAN_INTEGRATION_CLIENT_SECRET",
		"FIELDBRIDGE_QUUX_OF_THE_DAY":           "",
		"FIELDBRIDGE_":                          "",
	} {
		got := unknownVariables([]string{name + "=stc_value"})
		if len(got) != 1 || got[0].name != name || got[0].nearest != nearest {
			t.Errorf("%s: %v, want %q", name, got, nearest)
		}
	}
	known := []string{"FIELDBRIDGE_TEST_SERVE=1", "FIELDBRIDGE=1", "OTHER_BASEURL=x", "PATH=/bin", ""}
	for _, v := range new(config).variables(serveDefaults()) {
		known = append(known, v.Envs[0]+"=x")
	}
	if got := unknownVariables(known); len(got) > 0 {
		t.Errorf("%v are known, or are not ours", got)
	}
}
