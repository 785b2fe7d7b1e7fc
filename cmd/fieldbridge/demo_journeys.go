package main

import (
	"net/url"

	"github.com/fieldbridge/fieldbridge/handlers"
)

const demoPassword = "a bridge to the field"

// demoPeople are the people that a demo's pages can sign in. The seed creates them.
type demoPeople struct {
	dana, theo, luis, june, wade, grace, marta, otis, priya, ada handlers.DemoAccount
	simone, owen, marcus, declan                                 handlers.DemoAccount
}

func newDemoPeople() demoPeople {
	person := func(email, who, sees string) handlers.DemoAccount {
		return handlers.DemoAccount{Who: who, Email: email, Password: demoPassword, Sees: sees}
	}
	return demoPeople{
		dana:   person("dana@northgatehvac.example", "Dana Whitfield, owner at Northgate", "Nothing connected yet"),
		theo:   person("theo@bluemesaair.example", "Theo Marsh, member at Blue Mesa", "One connection, healthy for months"),
		luis:   person("luis@harborline.example", "Luis Ortega, owner at Harbor Line", ""),
		june:   person("june@kettlecreek.example", "June Abbott, owner at Kettle Creek", ""),
		wade:   person("wade@prairiewind.example", "Wade Jensen, owner at Prairie Wind", ""),
		grace:  person("grace@lakeshorecomfort.example", "Grace Lindqvist, owner at Lakeshore", ""),
		marta:  person("marta@cedarridgehvac.example", "Marta Quinn, owner at Cedar Ridge", ""),
		otis:   person("otis@cedarridgehvac.example", "Otis Bell, member at Cedar Ridge", ""),
		simone: person("simone@bayouair.example", "Simone Landry, owner at Bayou Air", ""),
		owen:   person("owen@granitestateheating.example", "Owen Tremblay, owner at Granite State", ""),
		marcus: person("marcus@riverbendelectric.example", "Marcus Webb, owner at Riverbend", ""),
		declan: person("declan@orourkeheating.example", "Declan O’Rourke, owner at O’Rourke & Sons", ""),
		priya:  person("priya@fieldbridge.example", "Priya Nair, Fieldbridge support", "All companies, and what needs attention"),
		ada:    person("ada@fieldbridge.example", "Ada Reyes, Fieldbridge admin", "Also locks, disconnects, and manages the team"),
	}
}

// demoAccounts returns two people of companies and two of staff.
func demoAccounts() []handlers.DemoAccount {
	people := newDemoPeople()
	return []handlers.DemoAccount{people.dana, people.theo, people.priya, people.ada}
}

// demoPages returns what the app's pages show in a demo with a sandbox at the address.
func demoPages(sandbox *url.URL) *handlers.Demo {
	return &handlers.Demo{
		Accounts: demoAccounts(), Journeys: demoJourneys(sandbox, newDemoPeople()),
		SandboxURL: sandbox.String(), MailboxURL: sandbox.JoinPath("/mailbox").String(),
	}
}

// Values of next that lead to a page after the sign-in.
const (
	nextConnect = "connect"
	nextQueue   = "queue"
)

// demoJourneys returns the short journeys that a demo offers. They name buttons and
// headings as the pages do. Each journey has tenants of its own, so their order does
// not matter.
func demoJourneys(sandbox *url.URL, people demoPeople) []handlers.Journey {
	start := func(label string, who handlers.DemoAccount, next string) handlers.JourneyStart {
		return handlers.JourneyStart{Label: label, Account: who, Next: next}
	}
	beside := func(label, path string) handlers.JourneyLink {
		return handlers.JourneyLink{Label: label, URL: sandbox.String() + path}
	}
	return []handlers.Journey{
		{
			Title: "Connect in under a minute",
			Shows: "A contractor connects ServiceTitan: one number to type, and one Allow.",
			Steps: []string{
				"Choose *Yes, I can*, enter the tenant ID 842193311, and choose *Continue*.",
				"Read what Fieldbridge asks to use, then choose *Continue to ServiceTitan*.",
				"In the sandbox, choose *Sign in* if it asks, then *Allow*.",
				"Choose *Go to your connection*: access renews automatically from now on.",
			},
			Starts: []handlers.JourneyStart{start("Start as Dana", people.dana, nextConnect)},
		},
		{
			Title: "Say no, and try again",
			Shows: "Denying access changes nothing, and one button starts again.",
			Steps: []string{
				"Choose *Yes, I can*, enter the tenant ID 918640725, choose *Continue*, then *Continue to ServiceTitan*.",
				"In the sandbox, choose *Sign in* if it asks, then *Deny*.",
				"The page says what happened and what stays as it is. Choose *Try again*, then *Continue to ServiceTitan*.",
				"This time choose *Allow*.",
			},
			Starts: []handlers.JourneyStart{start("Start as Dana", people.dana, nextConnect)},
		},
		{
			Title: "Watch access renew itself",
			Shows: "Access lives for two minutes in this demo. Fieldbridge renews it before it expires, with nobody there.",
			Steps: []string{
				"Open Blue Mesa Air Conditioning and choose *Test connection*: the connection counts as in use from now on.",
				"Open *Last requests, live*. Within two minutes a line for Blue Mesa Air Conditioning has POST /connect/token and grant_type=refresh_token.",
				"Load the connection’s page again: *Last renewed* is moments ago.",
			},
			Starts: []handlers.JourneyStart{start("Start as Theo", people.theo, "")},
			Links:  []handlers.JourneyLink{beside("Last requests, live", "/requests?live=1")},
		},
		{
			Title: "ServiceTitan is down, and comes back",
			Shows: "A temporary failure needs nobody. The page says so, and the connection recovers by itself.",
			Steps: []string{
				"Open Lakeshore Comfort Systems. It shows *Retrying*, and that there is nothing to do.",
				"In the sandbox, under *Faults that are on*, choose *Off* in the row of Lakeshore Comfort Systems.",
				"As Priya, open Lakeshore under *Retrying* and choose *Refresh now*. Or wait: the next try comes by itself within minutes.",
				"The connection shows *Connected*, and its timeline says *Works again*.",
			},
			Starts: []handlers.JourneyStart{start("Start as Grace", people.grace, ""), start("Continue as Priya", people.priya, "")},
			Links:  []handlers.JourneyLink{beside("Faults that are on", "/#active")},
		},
		{
			Title: "Access was withdrawn: reconnect",
			Shows: "Somebody removed Fieldbridge at ServiceTitan two days ago. The owner reads why, and fixes it in a minute.",
			Steps: []string{
				"Open Harbor Line Electric. It shows *Needs reconnect*, since when, and why.",
				"Choose *Reconnect*, then *Continue to ServiceTitan*.",
				"In the sandbox, choose *Sign in* if it asks, then *Allow*. Choose *Go to your connection*: it is the same connection, and its history continues.",
			},
			Starts: []handlers.JourneyStart{start("Start as Luis", people.luis, "")},
		},
		{
			Title: "Withdraw access, and follow the mail",
			Shows: "When a person must act, the owner gets one mail, with a link to the page that fixes it.",
			Steps: []string{
				"In the sandbox, under *Do at once*, Kettle Creek is chosen. Choose *Do* beside *Withdraw the app*.",
				"As June, open the connection and choose *Test connection*, or wait a minute: it says that ServiceTitan needs her.",
				"In the mailbox, open the mail *Reconnect needed* and follow *Reconnect ServiceTitan*.",
				"Choose *Reconnect*, or *Reconnect instead*, then *Continue to ServiceTitan*, *Sign in* if it asks, and *Allow*. A second mail says that it works again.",
			},
			Starts: []handlers.JourneyStart{start("Start as June", people.june, "")},
			Links:  []handlers.JourneyLink{beside("Do at once, for Kettle Creek", "/?tenant=580937745#do"), beside("Mailbox", "/mailbox")},
		},
		{
			Title: "Set up with our staff, from both sides",
			Shows: "A contractor asked for a setup. Support and a ServiceTitan admin each do their part, and both see who acts next.",
			Steps: []string{
				"Wade has asked. His connection’s page says what comes next, and that it is our turn.",
				"As Priya, open Prairie Wind in the queue. In the developer portal, choose *Add* for Prairie Wind Mechanical; then choose *Tenant ID is added*.",
				"As Wade, open the connection. On his ServiceTitan page, choose *Connect New App*, then *Allow Access*; then choose *I have allowed it*.",
				"As Priya, fill in *Confirm who controls the tenant* as if you had called Wade back, and choose *Record the confirmation*. In the portal, choose *Generate* beside *cs1 empty*, copy both values into Prairie Wind’s page, and choose *Check and connect*.",
			},
			Starts: []handlers.JourneyStart{start("Start as Wade", people.wade, ""), start("Continue as Priya", people.priya, nextQueue)},
			Links:  []handlers.JourneyLink{beside("Developer portal", "/portal"), beside("Wade’s ServiceTitan page", "/tenant/529316084")},
		},
		{
			Title: "Use a client ID and secret",
			Shows: "A company that manages its own client enters the ID and secret once. Fieldbridge tries them at once, and saves them only if they work.",
			Steps: []string{
				"Choose *I have a client ID and secret*, enter the tenant ID 905118274, and choose *Continue*.",
				"On Northgate South’s ServiceTitan page, choose *Connect New App*, then *Allow Access*.",
				"There, choose *Generate* beside *cs1 empty*, and copy the client ID and the client secret.",
				"Enter both in Fieldbridge and choose *Check and connect*.",
			},
			Starts: []handlers.JourneyStart{start("Start as Dana", people.dana, nextConnect)},
			Links:  []handlers.JourneyLink{beside("Northgate South’s ServiceTitan page", "/tenant/905118274")},
		},
		{
			Title: "A contractor calls",
			Shows: "Support finds the company, reads what is wrong and what to say, and leaves a note for the next person who answers.",
			Steps: []string{
				"Type Silver Creek in the search field, choose *Search*, and open the connection of Silver Creek Sprinkler in the table.",
				"Read why and since when, and the sentence after *Tell them*. The *Timeline* has what happened before.",
				"Choose *Copy reconnect link*: the link opens for members of Silver Creek only, and starts nothing.",
				"Under *Notes*, write what was agreed and choose *Add note*.",
			},
			Starts: []handlers.JourneyStart{start("Start as Priya", people.priya, "")},
		},
		{
			Title: "Disconnect, and who may",
			Shows: "A member sees who can end a connection. An owner ends it, and the access is deleted at once.",
			Steps: []string{
				"Open Cedar Ridge HVAC. Under *Disconnect* it says that only owners can disconnect, and whom to ask.",
				"As Marta, open the same page, choose *Disconnect*, read what will happen, and choose *Disconnect* again.",
				"The page shows *Disconnected*, and who did it. *Reconnect* brings it back with its history.",
			},
			Starts: []handlers.JourneyStart{start("Start as Otis", people.otis, ""), start("Continue as Marta", people.marta, "")},
		},
		{
			Title: "An app connects its customer",
			Shows: "A marketplace app sends its customer to Fieldbridge to connect. The customer needs no account. The app gets webhooks, and calls ServiceTitan through Fieldbridge.",
			Steps: []string{
				"In Acme Scheduling, choose *Connect ServiceTitan* in the row of Bright Sky Plumbing. Fieldbridge says who asks: choose *Continue*, then *Continue to ServiceTitan*.",
				"In the sandbox, choose *Sign in* if it asks, then *Allow*. You are back at Acme Scheduling, which shows what came back, without a token, and what it read from ServiceTitan.",
				"In *Webhooks*, connection.connected has arrived, and its signature is verified.",
				"As Priya, type Bright Sky in the search field and choose *Search*: the company is there, with its connection and without an account.",
			},
			Starts: []handlers.JourneyStart{start("Start as Priya", people.priya, "")},
			Links:  []handlers.JourneyLink{beside("Acme Scheduling", "/app"), beside("Webhooks", "/webhooks?live=1")},
		},
		{
			Title: "Replace a client secret, without a break",
			Shows: "A client has two secrets. The new one is tried and put to use while the old one serves, and the page names each button.",
			Steps: []string{
				"Open Bayou Air & Electric and choose *Replace it* under *Details*.",
				"On Bayou Air’s ServiceTitan page, choose *Generate* beside *cs2 empty*, and copy the client secret.",
				"Enter it in Fieldbridge and choose *Check and replace*. On the ServiceTitan page, choose *Delete* beside *cs1 in use*, and in Fieldbridge *I have deleted the old secret*.",
				"As Priya, open *Secrets*: the oldest come first. The *Queue* has a reminder to replace one.",
			},
			Starts: []handlers.JourneyStart{start("Start as Simone", people.simone, ""), start("Continue as Priya", people.priya, "")},
			Links:  []handlers.JourneyLink{beside("Bayou Air’s ServiceTitan page", "/tenant/469302751")},
		},
		{
			Title: "Tokens still come, and nothing works",
			Shows: "Somebody disabled the app, and ServiceTitan issues tokens as before. Fieldbridge asks the API itself, so it does not say that all is well.",
			Steps: []string{
				"In the sandbox, under *Do at once*, Granite State is chosen. Choose *Do* beside *Disable the app, with tokens as before*.",
				"As Owen, open Granite State Heating and choose *Test connection*, or wait for the next check, which comes within two minutes: it says that ServiceTitan does not allow Fieldbridge.",
				"In the sandbox, choose *Do* beside *Restore*.",
				"As Owen, choose *I have allowed it again*: Fieldbridge asks ServiceTitan at once, and the connection is *Connected*.",
			},
			Starts: []handlers.JourneyStart{start("Start as Owen", people.owen, "")},
			Links:  []handlers.JourneyLink{beside("Do at once, for Granite State", "/?tenant=455913372#do")},
		},
		{
			Title: "Part of the access is lost",
			Shows: "The app loses one scope. The connection keeps working, and its page says what is missing, and who can bring it back.",
			Steps: []string{
				"In the sandbox, under *Do at once*, Riverbend and the scope for invoices are chosen. Choose *Do* beside *Lose a scope*.",
				"As Marcus, open Riverbend Electric. Within two minutes, after the next renewal, it says that it works without *invoices*.",
				"In the sandbox, choose *Do* beside *Restore*. After the next renewal, nothing is missing.",
			},
			Starts: []handlers.JourneyStart{start("Start as Marcus", people.marcus, "")},
			Links:  []handlers.JourneyLink{beside("Do at once, for Riverbend", "/?tenant=524781306&scope=tn.acc.invoices:r#do")},
		},
		{
			Title: "An outage of ServiceTitan, and its end",
			Shows: "When many connections fail at once, the cause is ServiceTitan. Nobody is asked to reconnect, and everything recovers by itself.",
			Steps: []string{
				"In the sandbox, under *Outage*, choose *Take ServiceTitan down*.",
				"As Declan, open O’Rourke & Sons Heating. Within two minutes it is *Retrying*, and says that there is nothing to do.",
				"As Priya, open the *Overview*: most connections are retrying, and hardly any needs a reconnect.",
				"In the sandbox, choose *Bring it back*. Within minutes, the connections are *Connected* again. The mailbox has no mail that asks for a reconnect.",
			},
			Starts: []handlers.JourneyStart{start("Start as Declan", people.declan, ""), start("Continue as Priya", people.priya, "")},
			Links:  []handlers.JourneyLink{beside("Outage", "/#outage"), beside("Mailbox", "/mailbox")},
		},
	}
}
