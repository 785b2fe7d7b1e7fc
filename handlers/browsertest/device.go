package browsertest

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

const passkeys = "passkeys"

// Device is a virtual device that keeps passkeys and answers the page at once. Only
// Chromium has it.
type Device struct {
	page *Page
	id   webauthn.AuthenticatorID
}

// Device adds a device that keeps passkeys to the tab. It verifies the person.
func (p *Page) Device() Device {
	p.Helper()
	d := Device{page: p}
	inChromium(p, passkeys, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		made, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		d.id = made.AuthenticatorID
		return err
	}))
	return d
}

// Verifies sets whether the device recognizes the person.
func (d Device) Verifies(yes bool) {
	d.page.Helper()
	inChromium(d.page, passkeys, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: d.id, IsUserVerified: yes})
		return err
	}))
}
