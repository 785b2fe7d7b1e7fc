package staff

import (
	"testing"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// everySignInPage returns each page that staff see before they are signed in.
func everySignInPage() map[string]templ.Component {
	enrolment := accounts.Enrollment{Key: secret.New("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), Kept: "kept"}
	replacing := enrolment
	replacing.Replaces = true
	return map[string]templ.Component{
		"second step":              Factor(FactorPage{Staff: testStaff}),
		"second step, no":          Factor(FactorPage{Staff: testStaff, Wrong: true}),
		"second step, new":         Factor(FactorPage{Staff: testStaff, Enrolment: &enrolment, QR: "M4 4h1v1h-1z", QRSize: "53"}),
		"second step, other phone": Factor(FactorPage{Staff: testStaff, Enrolment: &replacing, QR: "M4 4h1v1h-1z", QRSize: "53", Wrong: true}),
		"recovery codes, last":     FewRecoveryCodes(0),
		"recovery codes, few":      FewRecoveryCodes(1),
		"own second step":          FactorSettings(FactorSettingsPage{Staff: testStaff, Left: 7}),
		"own second step, no":      FactorSettings(FactorSettingsPage{Staff: testStaff, Wrong: true}),
		"staff sign-in failed":     SignInFailed(SignInFailedPage{SupportCode: "FB-1", Clock: testClock()}),
		"staff issuer away":        SignInFailed(SignInFailedPage{Away: true, SupportCode: "FB-1", Clock: testClock()}),
	}
}

func TestEnrolmentShowsTheKeyInGroups(t *testing.T) {
	enrolment := accounts.Enrollment{Key: secret.New("JBSWY3DPEHPK3PXP"), Kept: "sealed-text"}
	p := pagetest.Show(t, Factor(FactorPage{Staff: testStaff, Enrolment: &enrolment, QR: "M4 4h1v1h-1z", QRSize: "53"}))
	p.Says("JBSW Y3DP EHPK 3PXP")
	p.DoesNotSay("sealed-text")
}
