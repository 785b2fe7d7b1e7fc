package main

import (
	"context"
	"net/url"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
)

// demoPages returns what the app's pages show in a demo with a sandbox at the address.
// done says which steps of the journeys have been done.
func demoPages(sandbox *url.URL, done func(context.Context) (handlers.StepsDone, error)) *handlers.Demo {
	pages := &handlers.Demo{
		Accounts: demoAccounts(), Done: done, TenantID: northgate,
		SandboxURL: sandbox.String(), MailboxURL: sandbox.JoinPath("/mailbox").String(),
	}
	for _, j := range demoJourneys(sandbox, newDemoPeople()) {
		pages.Journeys = append(pages.Journeys, j.shown())
	}
	return pages
}

// northgate is the tenant that a newcomer connects.
const northgate = 842193311

// Values of next that lead to a page after the sign-in.
const (
	nextConnect = "connect"
	nextQueue   = "queue"
)

// demoJourney is a journey with what proves its steps.
type demoJourney struct {
	title, shows string
	audience     handlers.JourneyAudience
	minutes      int
	// tenant is the one that the journey is about.
	tenant int64
	steps  []demoStep
	starts []handlers.JourneyStart
	links  []handlers.JourneyLink
}

// demoStep is a step of a journey. done is nil if nobody can know whether it was done.
type demoStep struct {
	text string
	done proof
}

// shown returns the journey as the page shows it.
func (j demoJourney) shown() handlers.Journey {
	shown := handlers.Journey{Title: j.title, Shows: j.shows, Audience: j.audience, Minutes: j.minutes, Starts: j.starts, Links: j.links}
	for _, step := range j.steps {
		shown.Steps = append(shown.Steps, handlers.JourneyStep{Text: step.text, Look: step.done == nil})
	}
	return shown
}

// demoJourneys returns the short journeys that a demo offers. They name buttons and
// headings as the pages do. Each journey has a tenant of its own, so their order does
// not matter.
func demoJourneys(box *url.URL, people demoPeople) []demoJourney {
	start := func(label string, who handlers.DemoAccount, next string) handlers.JourneyStart {
		return handlers.JourneyStart{Label: label, Account: who, Next: next}
	}
	beside := func(label, path string) handlers.JourneyLink {
		return handlers.JourneyLink{Label: label, URL: box.String() + path}
	}
	return []demoJourney{
		{
			title:    "Connect in under a minute",
			audience: handlers.ForContractors, minutes: 1, tenant: northgate,
			shows: "A contractor connects ServiceTitan: one number to type, and one Allow.",
			steps: []demoStep{
				{"Choose *Yes, I can*, enter the tenant ID 842193311, and choose *Continue*.", deed(sandbox.Asked)},
				{"Read what Fieldbridge asks to use, then choose *Continue to ServiceTitan*.", deed(sandbox.Asked)},
				{"In the sandbox, choose *Sign in* if it asks, then *Allow*.", event(models.EventConnected)},
				{"Choose *Go to your connection*: access renews automatically from now on.", nil},
			},
			starts: []handlers.JourneyStart{start("Start as Dana", people.dana, nextConnect)},
		},
		{
			title:    "Say no, and try again",
			audience: handlers.ForContractors, minutes: 1, tenant: 918640725,
			shows: "Denying access changes nothing, and one button starts again.",
			steps: []demoStep{
				{"Choose *Yes, I can*, enter the tenant ID 918640725, choose *Continue*, then *Continue to ServiceTitan*.", deed(sandbox.Asked)},
				{"In the sandbox, choose *Sign in* if it asks, then *Deny*.", deed(sandbox.Denied)},
				{"The page says what happened and what stays as it is. Choose *Try again*, then *Continue to ServiceTitan*.", askedAgain},
				{"This time choose *Allow*.", event(models.EventConnected)},
			},
			starts: []handlers.JourneyStart{start("Start as Dana", people.dana, nextConnect)},
		},
		{
			title:    "Watch access renew itself",
			audience: handlers.ForEngineers, minutes: 3, tenant: 617402958,
			shows: "Access lives for two minutes in this demo. Fieldbridge renews it before it expires, with nobody there.",
			steps: []demoStep{
				{"Open Blue Mesa Air Conditioning and choose *Test connection*: the connection counts as in use from now on.", byPerson(models.EventTestPassed)},
				{"Open *Last requests, live*. Within two minutes a line for Blue Mesa Air Conditioning has POST /connect/token and grant_type=refresh_token.", renewedAfter(models.EventTestPassed)},
				{"Load the connection’s page again: *Last renewed* is moments ago.", nil},
			},
			starts: []handlers.JourneyStart{start("Start as Theo", people.theo, "")},
			links:  []handlers.JourneyLink{beside("Last requests, live", "/requests?live=1")},
		},
		{
			title:    "ServiceTitan is down, and comes back",
			audience: handlers.ForTrouble, minutes: 2, tenant: 671940235,
			shows: "A temporary failure needs nobody. The page says so, and the connection recovers by itself.",
			steps: []demoStep{
				{"Open Lakeshore Comfort Systems. It shows *Retrying*, and that there is nothing to do.", nil},
				{"In the sandbox, under *Faults that are on*, choose *Off* in the row of Lakeshore Comfort Systems.", noFault},
				{"As Priya, open Lakeshore under *Retrying* and choose *Refresh now*. Or wait: the next try comes by itself within minutes.", event(models.EventRecovered)},
				{"The connection shows *Connected*, and its timeline says *Works again*.", event(models.EventRecovered)},
			},
			starts: []handlers.JourneyStart{start("Start as Grace", people.grace, ""), start("Continue as Priya", people.priya, "")},
			links:  []handlers.JourneyLink{beside("Faults that are on", "/#active")},
		},
		{
			title:    "Access was withdrawn: reconnect",
			audience: handlers.ForContractors, minutes: 1, tenant: 738846120,
			shows: "Someone removed Fieldbridge at ServiceTitan two days ago. The owner reads why, and fixes it in a minute.",
			steps: []demoStep{
				{"Open Harbor Line Electric. It shows *Needs reconnect*, since when, and why.", nil},
				{"Choose *Reconnect*, then *Continue to ServiceTitan*.", deed(sandbox.Asked)},
				{"In the sandbox, choose *Sign in* if it asks, then *Allow*. Choose *Go to your connection*: it is the same connection, and its history continues.", event(models.EventReconnected)},
			},
			starts: []handlers.JourneyStart{start("Start as Luis", people.luis, "")},
		},
		{
			title:    "Withdraw access, and follow the email",
			audience: handlers.ForTrouble, minutes: 3, tenant: 580937745,
			shows: "When a person must act, the owner gets one email, with a link to the page that fixes it.",
			steps: []demoStep{
				{"In the sandbox, under *Do at once*, Kettle Creek is chosen. Choose *Do* beside *Withdraw the app*.", deed(sandbox.Deed(sandbox.Withdraw))},
				{"As June, open the connection and choose *Test connection*, or wait a minute: it says that ServiceTitan needs her.", event(models.EventReconnectNeeded)},
				{"In the mailbox, open the email *Reconnect needed* and follow *Reconnect ServiceTitan*.", opened(people.june, "Reconnect needed")},
				{"Choose *Reconnect*, or *Reconnect instead*, then *Continue to ServiceTitan*, *Sign in* if it asks, and *Allow*. A second email says that it works again.", event(models.EventReconnected)},
			},
			starts: []handlers.JourneyStart{start("Start as June", people.june, "")},
			links:  []handlers.JourneyLink{beside("Do at once, for Kettle Creek", "/?tenant=580937745#do"), beside("Mailbox", "/mailbox")},
		},
		{
			title:    "Set up with us, from both sides",
			audience: handlers.ForSupport, minutes: 4, tenant: 529316084,
			shows: "A contractor asked for a setup. Support and a ServiceTitan admin each do their part, and both see who acts next.",
			steps: []demoStep{
				{"Wade has asked. His connection’s page says what comes next, and that it is our turn.", nil},
				{"As Priya, open Prairie Wind in the queue. In the developer portal, choose *Add* for Prairie Wind Mechanical; then choose *Tenant ID is added*.", event(models.EventSetupTenantAdded)},
				{"As Wade, open the connection. On his ServiceTitan page, choose *Connect New App*, then *Allow Access*; then choose *I have allowed it*.", event(models.EventSetupAllowed)},
				{"As Priya, fill in *Confirm who controls the tenant* as if you had called Wade back, and choose *Record the confirmation*. In the portal, choose *Generate* beside *cs1 empty*, copy both values into Prairie Wind’s page, and choose *Check and connect*.", event(models.EventConnected)},
			},
			starts: []handlers.JourneyStart{start("Start as Wade", people.wade, ""), start("Continue as Priya", people.priya, nextQueue)},
			links:  []handlers.JourneyLink{beside("Developer portal", "/portal"), beside("Wade’s ServiceTitan page", "/tenant/529316084")},
		},
		{
			title:    "Use a client ID and secret",
			audience: handlers.ForEngineers, minutes: 2, tenant: 905118274,
			shows: "A company that manages its own client enters the ID and secret once. Fieldbridge tries them at once, and saves them only if they work.",
			steps: []demoStep{
				{"Choose *I have a client ID and secret*, enter the tenant ID 905118274, and choose *Continue*.", event(models.EventConnected)},
				{"On Northgate South’s ServiceTitan page, choose *Connect New App*, then *Allow Access*.", installed(allowed)},
				{"There, choose *Generate* beside *cs1 empty*, and copy the client ID and the client secret.", installed(firstSecret)},
				{"Enter both in Fieldbridge and choose *Check and connect*.", event(models.EventConnected)},
			},
			starts: []handlers.JourneyStart{start("Start as Dana", people.dana, nextConnect)},
			links:  []handlers.JourneyLink{beside("Northgate South’s ServiceTitan page", "/tenant/905118274")},
		},
		{
			title:    "A contractor calls",
			audience: handlers.ForSupport, minutes: 2, tenant: 647715302,
			shows: "Support finds the company, reads what is wrong and what to say, and leaves a note for the next person who answers.",
			steps: []demoStep{
				{"Type Silver Creek in the search field, choose *Search*, and open the connection of Silver Creek Sprinkler in the table.", event(models.EventStaffViewed)},
				{"Read why and since when, and the sentence after *Tell them*. The *Timeline* has what happened before.", nil},
				{"Choose *Copy reconnect link*: the link opens for members of Silver Creek only, and starts nothing.", event(models.EventLinkGiven)},
				{"Under *Notes*, write what was agreed and choose *Add note*.", event(models.EventNoted)},
			},
			starts: []handlers.JourneyStart{start("Start as Priya", people.priya, "")},
		},
		{
			title:    "Disconnect, and who may",
			audience: handlers.ForContractors, minutes: 1, tenant: 410301188,
			shows: "A member sees who can end a connection. An owner ends it, and the access is deleted at once.",
			steps: []demoStep{
				{"Open Cedar Ridge HVAC. Under *Disconnect* it says that only owners can disconnect, and who to ask.", nil},
				{"As Marta, open the same page, choose *Disconnect*, read what will happen, and choose *Disconnect* again.", event(models.EventDisconnected)},
				{"The page shows *Disconnected*, and who did it. *Reconnect* brings it back with its history.", nil},
			},
			starts: []handlers.JourneyStart{start("Start as Otis", people.otis, ""), start("Continue as Marta", people.marta, "")},
		},
		{
			title:    "An app connects its customer",
			audience: handlers.ForEngineers, minutes: 3, tenant: brightSky,
			shows: "A marketplace app sends its customer to Fieldbridge to connect. The customer needs no account. The app gets webhooks, and calls ServiceTitan through Fieldbridge.",
			steps: []demoStep{
				{"In Acme Scheduling, choose *Connect ServiceTitan* in the row of Bright Sky Plumbing. Fieldbridge says who asks: choose *Continue*, then *Continue to ServiceTitan*.", deed(sandbox.Asked)},
				{"In the sandbox, choose *Sign in* if it asks, then *Allow*. You are back at Acme Scheduling, which shows what came back, without a token, and what it read from ServiceTitan.", event(models.EventConnected)},
				{"In *Webhooks*, connection.connected has arrived, and its signature is verified.", verified("connection.connected")},
				{"As Priya, type Bright Sky in the search field and choose *Search*: the company is there, with its connection and without an account.", event(models.EventStaffViewed)},
			},
			starts: []handlers.JourneyStart{start("Start as Priya", people.priya, "")},
			links:  []handlers.JourneyLink{beside("Acme Scheduling", "/app"), beside("Webhooks", "/webhooks?live=1")},
		},
		{
			title:    "Replace a client secret, without a break",
			audience: handlers.ForEngineers, minutes: 3, tenant: 469302751,
			shows: "A client has two secrets. The new one is tried and put to use while the old one serves, and the page names each button.",
			steps: []demoStep{
				{"Open Bayou Air & Electric and choose *Replace it* under *Details*.", nil},
				{"On Bayou Air’s ServiceTitan page, choose *Generate* beside *cs2 empty*, and copy the client secret.", installed(secondSecret)},
				{"Enter it in Fieldbridge and choose *Check and replace*. On the ServiceTitan page, choose *Delete* beside *cs1 in use*, and in Fieldbridge *I have deleted the old secret*.", event(models.EventSecretDeleted)},
				{"As Priya, open *Secrets*: the oldest come first. The *Queue* has a reminder to replace one.", nil},
			},
			starts: []handlers.JourneyStart{start("Start as Simone", people.simone, ""), start("Continue as Priya", people.priya, "")},
			links:  []handlers.JourneyLink{beside("Bayou Air’s ServiceTitan page", "/tenant/469302751")},
		},
		{
			title:    "Tokens still come, and nothing works",
			audience: handlers.ForTrouble, minutes: 3, tenant: 455913372,
			shows: "Someone disabled the app, and ServiceTitan issues tokens as before. Fieldbridge asks the API itself, so it does not say that all is well.",
			steps: []demoStep{
				{"In the sandbox, under *Do at once*, Granite State is chosen. Choose *Do* beside *Disable the app, with tokens as before*.", deed(sandbox.Deed(sandbox.DisableSilently))},
				{"As Owen, open Granite State Heating and choose *Test connection*, or wait for the next check, which comes within two minutes: it says that ServiceTitan does not allow Fieldbridge.", event(models.EventReconnectNeeded)},
				{"In the sandbox, choose *Do* beside *Restore*.", deed(sandbox.Deed(sandbox.Restore))},
				{"As Owen, choose *I have allowed it again*: Fieldbridge asks ServiceTitan at once, and the connection is *Connected*.", event(models.EventReconnected)},
			},
			starts: []handlers.JourneyStart{start("Start as Owen", people.owen, "")},
			links:  []handlers.JourneyLink{beside("Do at once, for Granite State", "/?tenant=455913372#do")},
		},
		{
			title:    "Part of the access is lost",
			audience: handlers.ForTrouble, minutes: 4, tenant: 524781306,
			shows: "The app loses one scope. The connection keeps working, and its page says what is missing, and who can bring it back.",
			steps: []demoStep{
				{"In the sandbox, under *Do at once*, Riverbend and the scope for invoices are chosen. Choose *Do* beside *Lose a scope*.", deed(sandbox.Deed(sandbox.LoseScope))},
				{"As Marcus, open Riverbend Electric. Within two minutes, after the next renewal, it says that it works without *invoices*.", event(models.EventUpgradeNeeded)},
				{"In the sandbox, choose *Do* beside *Restore*. After the next renewal, nothing is missing.", deed(sandbox.Deed(sandbox.Restore))},
			},
			starts: []handlers.JourneyStart{start("Start as Marcus", people.marcus, "")},
			links:  []handlers.JourneyLink{beside("Do at once, for Riverbend", "/?tenant=524781306&scope=tn.acc.invoices:r#do")},
		},
		{
			title:    "An outage of ServiceTitan, and its end",
			audience: handlers.ForTrouble, minutes: 5, tenant: 491207683,
			shows: "When many connections fail at once, the cause is ServiceTitan. Nobody is asked to reconnect, and everything recovers by itself.",
			steps: []demoStep{
				{"In the sandbox, under *Outage*, choose *Take ServiceTitan down*.", everywhere(sandbox.TookDown)},
				{"As Declan, open O’Rourke & Sons Heating. Within two minutes it is *Retrying*, and says that there is nothing to do.", event(models.EventRetrying)},
				{"As Priya, open the *Overview*: most connections are retrying, and hardly any needs a reconnect.", nil},
				{"In the sandbox, choose *Bring it back*. Within minutes, the connections are *Connected* again. The mailbox has no email that asks for a reconnect.", everywhere(sandbox.BroughtBack)},
			},
			starts: []handlers.JourneyStart{start("Start as Declan", people.declan, ""), start("Continue as Priya", people.priya, "")},
			links:  []handlers.JourneyLink{beside("Outage", "/#outage"), beside("Mailbox", "/mailbox")},
		},
	}
}
