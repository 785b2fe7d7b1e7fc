package main

import (
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
)

// demoRun returns the five-minute demo: what to say at each step, and what to look at.
// Names between asterisks are those of the pages.
func demoRun(people demoPeople) handlers.Run {
	at := func(minutes, seconds int) time.Duration {
		return time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
	}
	return handlers.Run{
		Company: "Juniper Ridge Mechanical", Owner: people.rosa, Support: people.priya,
		Steps: []handlers.RunStep{
			{
				Title: "A contractor who has not connected yet", Scene: handlers.SceneNothing, By: at(0, 30),
				Say:     "Rosa owns Juniper Ridge Mechanical and runs it on ServiceTitan. She wants our product to see her jobs, and has never heard of an API.",
				Owner:   "one sentence and one button, *Connect ServiceTitan*.",
				Support: "her company is known, with nobody to chase.",
			},
			{
				Title: "Connected in under a minute", Scene: handlers.SceneWorking, By: at(1, 15), New: true,
				Say:     "She typed one number, signed in to ServiceTitan, and chose Allow. That is all she ever has to do.",
				Owner:   "what came back from ServiceTitan, and what comes next.",
				Support: "the same connection, *Connected*, with its first events in the *Timeline*.",
			},
			{
				Title: "It works, and stays that way", Scene: handlers.SceneWorking, By: at(1, 50),
				Say:     "From now on, Fieldbridge renews access before it expires, day and night. Rosa sees that it works, and your support sees why.",
				Owner:   "*Connected*, and when ServiceTitan last answered.",
				Support: "how renewals went, and no token anywhere.",
			},
			{
				Title: "ServiceTitan goes down", Scene: handlers.SceneDown, By: at(2, 40),
				Say:     "ServiceTitan has just stopped answering for this company. Nobody has to act, so nobody gets an email.",
				Owner:   "*Retrying*, and that there is nothing to do.",
				Support: "*Retrying*, the cause, and when the next try is due.",
			},
			{
				Title: "It comes back by itself", Scene: handlers.SceneWorking, By: at(3, 10),
				Say:     "ServiceTitan answers again, and so does the connection. Rosa would never have noticed.",
				Owner:   "*Connected* again, and the outage in the history.",
				Support: "how long it took, in the *Timeline*.",
			},
			{
				Title: "Access is withdrawn", Scene: handlers.SceneWithdrawn, By: at(4, 0),
				Say:     "Now someone tidies up in ServiceTitan and removes our app. Only a person can fix that, so the owner gets one email with one link.",
				Owner:   "*Needs reconnect*, why, and one button. The email arrives in seconds.",
				Support: "the sentence to tell her when she calls, ready to copy.",
			},
			{
				Title: "Rosa reconnects", Scene: handlers.SceneWorking, By: at(4, 30),
				Say:     "She follows the link and chooses Allow. It is the same connection, with its whole history.",
				Owner:   "*Connected*, and a second email that says so.",
				Support: "everything that happened, who did it, and when.",
			},
			{
				Title: "And she can leave", Scene: handlers.SceneNothing, By: at(5, 0),
				Say:     "An owner can disconnect at any time, and we delete the access at once. One button to connect, nothing to do in an outage, one email when a person is needed, and a way out: that is Fieldbridge.",
				Owner:   "*Disconnected*, and *Reconnect* if she changes her mind.",
				Support: "who disconnected it. No secret is left.",
			},
		},
	}
}
