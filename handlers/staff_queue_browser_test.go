package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A member of our staff takes an item, puts it off and brings it back, saves a filter, and
// reminds a company, without script too.
func TestBrowserQueue(t *testing.T) {
	for name, without := range map[string]bool{"with script": false, "without script": true} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
			path := amy.guided(harbor)
			sam.post("/staff"+path+"/tenant-added").want(a, 303)
			c := a.contractor(t)
			c.become(sam.browser)
			c.Look(1280, 900, "light")
			if without {
				c.WithoutScripts()
			}
			c.Goto(a.url + "/staff/queue")
			c.Click("Take", "Sam works on Harbor Line now")
			c.Choose(`[aria-label="More for Harbor Line"]`)
			c.Type("reason", "Their admin is out")
			c.Click("Snooze", "Harbor Line comes back")
			c.Click("Undo", "Harbor Line is back in the queue")
			c.Choose(`nav a[href="/staff/queue?view=mine"]`)
			c.See("1 item shown")
			c.Click("Save this filter", "Only you see it")
			c.Type("name", "My setups")
			c.Click("Save", "My setups")
			c.Goto(a.url + "/staff/queue")
			c.Click("My setups", "1 item shown")
			c.Choose(".pick input")
			c.Click("Remind…", "Send 1 email?")
			c.Click("Your setup waits for you: ServiceTitan tenant 738846120", "One step in ServiceTitan is left")
			if !without {
				c.Accessible()
			}
			c.Click("Send 1 email", "Reminded 1 company")
			if !strings.HasSuffix(c.Address(), "/staff/reminders/sent?sent=1&skipped=0") {
				t.Errorf("at %s", c.Address())
			}
			if without {
				return
			}
			c.Accessible()
			for _, page := range []string{"/staff/queue", "/staff"} {
				for _, look := range []struct {
					width, height int64
					scheme        string
				}{{1280, 900, "light"}, {390, 844, "dark"}} {
					c.Look(look.width, look.height, look.scheme)
					c.Goto(a.url + page)
					c.Accessible()
				}
			}
		})
	}
}
