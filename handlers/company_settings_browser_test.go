package handlers_test

import "testing"

// An owner renames the company, chooses its time zone and who gets mails, looks at
// the activity, and deletes and keeps the company.
func TestBrowserCompanySettings(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toServiceTitan(northgate)
	c.allow()
	c.Goto(a.url + "/settings")
	c.See("Emails about problems")
	c.inspect("company-settings")
	c.Type("name", "Southgate Heating & Plumbing")
	c.Value(`(document.querySelector("#zone").value = "America/Los_Angeles", "")`)
	c.Click("Save", "The settings are saved.")
	c.See("Southgate Heating & Plumbing")
	if zone := c.Value(`document.querySelector("#zone").value`); zone != "America/Los_Angeles" {
		t.Errorf("the zone is %q", zone)
	}
	c.Expect("422")
	c.Choose(`input[type=checkbox]`)
	c.Click("Save the choice", "Choose at least one person")
	c.inspect("company-settings-nobody")
	c.Choose(`input[type=checkbox]`)
	c.Click("Save the choice", "The choice is saved.")

	c.Click("Activity", "Who did what")
	c.See("Changed the time zone")
	c.See("Pacific (Los Angeles)")
	c.inspect("activity")
	c.Click("Team and settings", "Renamed the company")

	c.Goto(a.url + "/settings/delete")
	c.See("Delete in 14 days")
	c.inspect("delete-company")
	c.Type("name", "Southgate Heating & Plumbing")
	c.Type("password", "wrong")
	c.Expect("422")
	c.Click("Delete in 14 days", "This is not your password")
	c.inspect("delete-company-refused")
	c.Type("password", password)
	c.Click("Delete in 14 days", "This company will be deleted on")
	c.Goto(a.url + "/connections")
	c.See("Keep this company")
	c.inspect("company-to-be-deleted")
	c.Click("Keep this company", "The company is kept")
}
