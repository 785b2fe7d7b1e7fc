package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// sampleAppName is the name of the sample marketplace app.
const sampleAppName = "Acme Scheduling"

// sampleCustomers are the companies that use the sample app. One has a tenant that no
// other journey meets, and the other has none of its own.
func sampleCustomers() []sandbox.SampleCustomer {
	return []sandbox.SampleCustomer{
		{Reference: "acme-101", Name: "Bright Sky Plumbing", TenantID: brightSky},
		{Reference: "acme-102", Name: "Copper Basin Heating", TenantID: copperBasin},
	}
}

// The tenants of the sample app's customers.
const brightSky, copperBasin = 736294018, 752380164

// giveSampleApp gives the sandbox's sample app an API key, a webhook endpoint, and the
// secrets of both. A demo that continues has them already, and gets new secrets.
func (d demoApp) giveSampleApp(ctx context.Context) error {
	key, err := d.sampleKey(ctx)
	if err != nil {
		return fmt.Errorf("give sample app a key: %w", err)
	}
	signing, err := d.sampleEndpoint(ctx)
	if err != nil {
		return fmt.Errorf("give sample app an endpoint: %w", err)
	}
	d.box.SetSampleApp(sandbox.SampleApp{
		Fieldbridge: d.app.mailer.base.String(), Key: key.Reveal(), WebhookSecret: signing.Reveal(), Customers: sampleCustomers(),
	})
	return nil
}

// byDemo is who makes the sample app's key and endpoint.
func byDemo() accounts.Actor { return accounts.CommandLine("demo") }

func (d demoApp) sampleKey(ctx context.Context) (secret.Value, error) {
	all, scopes, back := d.app.apiKeys, accounts.Scopes(), []string{sandbox.SampleAppReturn(d.boxURL)}
	known, err := all.List(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	i := slices.IndexFunc(known, func(k accounts.APIKey) bool {
		return k.Name == sampleAppName && k.CompanyID == nil && k.RevokedAt == nil
	})
	if i < 0 {
		_, made, err := all.Create(ctx, byDemo(), accounts.NewKey{Name: sampleAppName, Scopes: scopes, ReturnURLs: back})
		return made, err
	}
	if err := all.Change(ctx, byDemo(), nil, known[i].ID, accounts.KeySettings{Name: sampleAppName, Scopes: scopes, ReturnURLs: back}); err != nil {
		return secret.Value{}, err
	}
	_, made, err := all.Roll(ctx, byDemo(), nil, known[i].ID, accounts.KeyRoll{})
	return made, err
}

func (d demoApp) sampleEndpoint(ctx context.Context) (secret.Value, error) {
	hooks, wanted := d.app.webhooks, webhook.NewEndpoint{URL: sandbox.SampleAppWebhooks(d.boxURL), Description: sampleAppName}
	known, err := hooks.Endpoints(ctx, nil)
	if err != nil {
		return secret.Value{}, err
	}
	i := slices.IndexFunc(known, func(e webhook.Endpoint) bool { return e.Description == sampleAppName })
	if i < 0 {
		_, made, err := hooks.AddEndpoint(ctx, byDemo(), nil, wanted)
		return made, err
	}
	if err := hooks.ChangeEndpoint(ctx, byDemo(), nil, known[i].ID, wanted); err != nil {
		return secret.Value{}, err
	}
	return hooks.RotateSecret(ctx, byDemo(), nil, known[i].ID)
}
