package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A customer reads a code out, and a support agent who types it as they hear it sees what
// happened, before they have pressed a button.
func TestBrowserSupportCode(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toServiceTitan(northgate)
	c.allow()
	c.Click("Go to your connection", "Access renews automatically")
	c.Expect("404")
	c.Goto(a.url + "/invoices")
	c.See("We cannot find this page")
	a.exec("UPDATE memberships SET role = 'member'")
	c.Expect("403")
	c.Goto(a.url + "/settings/delete")
	c.See("Only owners can do this")
	code := supportCode.FindString(c.Value("document.body.textContent"))
	if err := a.failures.Flush(t.Context()); err != nil || code == "" {
		t.Fatal(code, err)
	}

	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Goto(a.url + "/staff/connections")
	sam.See("Northgate")
	sam.Type("q", strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	sam.See("They lack the role")
	sam.See("Only an owner of your company can do this")
	sam.inspect("staff-code")
	sam.keepsWhole()
	sam.Click("Page not found", "an address that does not exist")
	sam.inspect("staff-code-other")
	sam.Expect("404")
	sam.Goto(a.url + "/staff/codes/FB-AAAA-AAAA")
	sam.See("Nothing is kept under this code")
	sam.inspect("staff-code-unknown")
}
