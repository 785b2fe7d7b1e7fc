package views

import (
	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// passkeyPages returns each page about passkeys and codes in each of its states.
func passkeyPages() map[string]templ.Component {
	const at, email = "/settings/passkeys", "dana@northgate.example"
	passkey := accounts.Passkey{ID: uuid.MustParse("019ab000-0000-7000-8000-0000000000b1"), Name: "Office laptop", CreatedAt: pagetest.Noon}
	used := passkey
	used.ID, used.LastUsedAt = uuid.MustParse("019ab000-0000-7000-8000-0000000000b2"), &used.CreatedAt
	two := PasskeysPage{At: at, Offered: true, Passkeys: []accounts.Passkey{passkey, used}, CodesLeft: 7, Clock: testClock()}
	renaming := two
	renaming.Renaming, renaming.Wrong = passkey.ID, "Enter a name."
	enrolment := accounts.Enrollment{Key: secret.New("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), Kept: "kept"}
	dana := pagetest.Visitor(accounts.Owner)
	careful := dana
	careful.HasFactor = true
	return map[string]templ.Component{
		"sign in, passkeys":     SignIn(SignInPage{Passkeys: true, Next: "connect"}),
		"passkeys, not here":    SignInSettings(dana, PasskeysPage{At: at, Clock: testClock()}),
		"passkeys":              SignInSettings(careful, two),
		"passkeys, renaming":    SignInSettings(careful, renaming),
		"add passkey":           AddPasskey(AddPasskeyPage{At: at, Name: "Chrome on Windows"}),
		"remove passkey":        RemovePasskey(RemovePasskeyPage{At: at, Passkey: passkey}),
		"remove passkey, last":  RemovePasskey(RemovePasskeyPage{At: at, Passkey: passkey, Last: true}),
		"confirm":               Confirm(ConfirmPage{At: at, Email: email, For: "add", Password: true, Passkey: true, Wrong: "Check it."}),
		"confirm, with neither": Confirm(ConfirmPage{At: at, Email: email}),
		"code":                  Code(CodePage{Email: email, Next: "connect", Wrong: true}),
		"few codes":             FewCodes(3),
		"few codes, none":       FewCodes(0),
		"recovery codes":        RecoveryCodes([]secret.Value{secret.New("ABCD-EFGH-IJKL")}, "/staff"),
		"codes on":              CodeSettings(CodeSettingsPage{Email: email, Left: 7}),
		"codes off":             CodeSettings(CodeSettingsPage{Email: email, Enrolment: &enrolment, QR: "M4 4h1v1h-1z", QRSize: "53", Wrong: true}),
	}
}
