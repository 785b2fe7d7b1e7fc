package main

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// A demo's database has the same facts about a tenant as a test of its connection reads
// from the sandbox.
func TestDemoTenantsAreAsTheSandboxHasThem(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	c, err := loadConfig(demoDefaults(), lookupIn(map[string]string{"FIELDBRIDGE_SANDBOX_URL": "http://" + server.Listener.Addr().String()}))
	if err != nil {
		t.Fatal(err)
	}
	box, environment := newSandbox(c, quiet(), nil, nil)
	server.Config.Handler = box
	server.Start()
	defer server.Close()
	client := servicetitan.NewClient(environment, servicetitan.NewTransport(), time.Now)

	seen := 0
	for _, company := range demoSamples(box.Tenants()) {
		for _, connection := range company.Connections {
			seen++
			access := secret.New(box.GiveAccess(connection.TenantID).AccessToken)
			account, err := client.Account(t.Context(), access, connection.TenantID)
			if err != nil {
				t.Fatalf("%s: %v", company.Name, err)
			}
			if connection.BusinessUnits != account.BusinessUnits || connection.TenantName != account.Name {
				t.Errorf("%s is seeded as %q with %d business units; a test reads %q and %d",
					company.Name, connection.TenantName, connection.BusinessUnits, account.Name, account.BusinessUnits)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d connections were compared", seen)
	}
}
