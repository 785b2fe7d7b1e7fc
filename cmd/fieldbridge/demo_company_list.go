package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// demoCompanies returns all companies: first those of the journeys, then the others by
// their state.
func demoCompanies() []demoCompany {
	type connection = demo.SampleConnection
	const (
		signIn = servicetitan.SignIn
		guided = servicetitan.Guided
		own    = servicetitan.OwnCredentials

		hvac       = "hvac"
		plumbing   = "plumbing"
		electrical = "electrical"
		several    = "several"

		down    = models.ReasonUnavailable
		limited = models.ReasonRateLimited
		refused = models.ReasonGrantRefused
	)
	trouble := func(age, length time.Duration, reason models.Reason) demo.SampleTrouble {
		return demo.SampleTrouble{Age: age, Length: length, Reason: reason}
	}
	// Every connection that is old enough had a part in the outage.
	outage := trouble(17*day+5*hour, 3*hour, down)
	connected := func(tenant int64, way servicetitan.Way, age time.Duration, over ...demo.SampleTrouble) *connection {
		if age > outage.Age+day {
			over = append(over, outage)
			slices.SortFunc(over, func(a, b demo.SampleTrouble) int { return cmp.Compare(b.Age, a.Age) })
		}
		return &connection{TenantID: tenant, Way: way, State: models.Connected, Age: age, Troubles: over}
	}
	retrying := func(tenant int64, way servicetitan.Way, age, since time.Duration, reason models.Reason, over ...demo.SampleTrouble) *connection {
		return &connection{TenantID: tenant, Way: way, State: models.Degraded, Age: age, StateAge: since, Reason: reason, Troubles: over}
	}
	ended := func(tenant int64, way servicetitan.Way, age, since time.Duration, reason models.Reason, over ...demo.SampleTrouble) *connection {
		return &connection{TenantID: tenant, Way: way, State: models.ReconnectNeeded, Age: age, StateAge: since, Reason: reason, Troubles: over}
	}
	disconnected := func(tenant int64, way servicetitan.Way, age, since time.Duration, over ...demo.SampleTrouble) *connection {
		return &connection{TenantID: tenant, Way: way, State: models.Disconnected, Age: age, StateAge: since, Troubles: over}
	}
	waiting := func(tenant int64, age, since time.Duration, step models.SetupStep, problem models.Outcome) *connection {
		return &connection{TenantID: tenant, Way: guided, State: models.Pending, Age: age, StateAge: since, Step: step, Problem: problem}
	}
	with := func(c *connection, change func(*connection)) *connection { change(c); return c }
	used := func(c *connection) { c.Used, c.TestedAge = true, 3*day }

	return []demoCompany{
		// The journeys.
		{name: "Northgate Heating & Plumbing", people: []string{"Dana Whitfield <dana@northgatehvac.example>"}, age: 20 * minute},
		{name: "Juniper Ridge Mechanical", people: []string{"Rosa Delgado <rosa@juniperridge.example>"}, age: 25 * minute},
		{
			name: "Blue Mesa Air Conditioning", place: "Tucson, AZ", trade: hvac, age: 212 * day, apiKey: "Nightly sync",
			people: []string{"Ines Calder <ines@bluemesaair.example>", "Theo Marsh <theo@bluemesaair.example>"},
			tenant: with(connected(617402958, signIn, 211*day), used),
		},
		{
			name: "Harbor Line Electric", place: "Tacoma, WA", trade: electrical, people: []string{"Luis Ortega <luis@harborline.example>"},
			tenant: with(ended(738846120, signIn, 143*day, 2*day+3*hour, refused), func(c *connection) {
				c.Note, c.NoteAge = "Luis called. A new administrator tidied up the apps in ServiceTitan and removed ours. Will reconnect this week.", 26*hour
			}),
		},
		{
			name: "Kettle Creek Plumbing & Drain", place: "Knoxville, TN", trade: plumbing, people: []string{"June Abbott <june@kettlecreek.example>"},
			tenant: connected(580937745, signIn, 95*day, trouble(24*day, 9*hour, refused)),
		},
		{
			name: "Prairie Wind Mechanical", place: "Wichita, KS", trade: hvac, people: []string{"Wade Jensen <wade@prairiewind.example>"},
			tenant: waiting(529316084, 3*hour, 3*hour, models.StepAddTenant, ""),
		},
		{
			name: "Lakeshore Comfort Systems", place: "Erie, PA", trade: hvac, people: []string{"Grace Lindqvist <grace@lakeshorecomfort.example>"},
			tenant: retrying(671940235, signIn, 77*day, 40*minute, down, trouble(11*day, 25*minute, down)),
		},

		// Connected, from hours to more than a year.
		{
			name: "Cedar Ridge HVAC", place: "Boise, ID", trade: hvac, people: []string{"Marta Quinn <marta@cedarridgehvac.example>", "Otis Bell <otis@cedarridgehvac.example>"},
			tenant: connected(410301188, signIn, 380*day),
		},
		{
			name: "Ironwood Plumbing Co.", place: "Mesa, AZ", trade: plumbing, people: []string{"Caleb Osei <caleb@ironwoodplumbing.example>"}, apiKey: "Dispatch board",
			tenant: with(connected(422875530, own, 301*day), used),
		},
		{
			name: "Bright Harbor Electric", place: "Portland, ME", trade: electrical, people: []string{"Nadia Fournier <nadia@brightharbor.example>"},
			tenant: connected(437019264, signIn, 265*day),
		},
		{
			name: "Twin Oaks Home Services", place: "Macon, GA", trade: several, people: []string{"Reggie Hale <reggie@twinoakshome.example>", "Bea Sutton <bea@twinoakshome.example>"}, apiKey: "Call center",
			tenant: with(connected(448260917, guided, 240*day), func(c *connection) { used(c); c.ReminderAge = 2 * day }),
		},
		{
			name: "Granite State Heating", place: "Concord, NH", trade: hvac, people: []string{"Owen Tremblay <owen@granitestateheating.example>"},
			tenant: connected(455913372, own, 188*day),
		},
		{
			name: "Bayou Air & Electric", place: "Lafayette, LA", trade: several, people: []string{"Simone Landry <simone@bayouair.example>"},
			tenant: connected(469302751, own, 174*day),
		},
		{
			name: "High Desert Plumbing", place: "Bend, OR", trade: plumbing, people: []string{"Tobias Ekström <tobias@highdesertplumbing.example>"},
			tenant: connected(474418069, signIn, 160*day, trouble(6*day, 50*minute, limited)),
		},
		{
			name: "Copper Kettle Boilers", place: "Duluth, MN", trade: hvac, people: []string{"Ruth Maki <ruth@copperkettle.example>"},
			tenant: connected(483550194, guided, 131*day),
		},
		{
			name: "O’Rourke & Sons Heating", place: "Albany, NY", trade: hvac, people: []string{"Declan O’Rourke <declan@orourkeheating.example>"},
			tenant: connected(491207683, signIn, 120*day),
		},
		{
			name: "Magnolia Drain & Sewer", place: "Jackson, MS", trade: plumbing, people: []string{"Tamika Boyd <tamika@magnoliadrain.example>"},
			tenant: connected(502664915, signIn, 88*day, trouble(30*day, 2*day, refused)),
		},
		{
			name: "Summit Peak Home Services", place: "Denver, CO", trade: several, people: []string{"Hana Kobayashi <hana@summitpeak.example>", "Eli Brandt <eli@summitpeak.example>"}, apiKey: "Data warehouse",
			tenant: with(connected(516930248, guided, 75*day), used),
		},
		{
			name: "Riverbend Electric", place: "Chattanooga, TN", trade: electrical, people: []string{"Marcus Webb <marcus@riverbendelectric.example>"},
			tenant: connected(524781306, signIn, 61*day),
		},
		{
			name: "Coastal Breeze Cooling", place: "Wilmington, NC", trade: hvac, people: []string{"Alma Figueroa <alma@coastalbreeze.example>"},
			tenant: connected(537042859, own, 44*day, trouble(9*day, 4*hour, down)),
		},
		{
			name: "Lone Star Leak Repair", place: "Waco, TX", trade: plumbing, people: []string{"Jesse Tran <jesse@lonestarleak.example>"},
			tenant: connected(548816027, signIn, 33*day),
		},
		{
			name: "Maple Grove Mechanical", place: "Burlington, VT", trade: hvac, people: []string{"Sylvie Roy <sylvie@maplegrove.example>"},
			tenant: with(connected(553309471, guided, 52*day), func(c *connection) { c.UpgradeAge = 4 * day }),
		},
		{
			name: "Orchard Valley Electric", place: "Yakima, WA", trade: electrical, people: []string{"Miguel Santos <miguel@orchardvalley.example>"},
			tenant: with(connected(684017396, guided, 66*day), func(c *connection) { c.UpgradeAge = 3 * hour }),
		},
		{
			name: "Evergreen Pipeworks", place: "Olympia, WA", trade: plumbing, people: []string{"Piotr Zielinski <piotr@evergreenpipe.example>"},
			tenant: connected(566120938, signIn, 16*day),
		},
		{
			name: "Golden Spike Electric", place: "Ogden, UT", trade: electrical, people: []string{"Leah Christensen <leah@goldenspike.example>"},
			tenant: with(connected(573948210, signIn, 9*day), func(c *connection) {
				c.ContestedBy, c.ContestedAge = "Wasatch Power & Light Service", 22*hour
			}),
		},
		{
			name: "Old Mill Heating & Air", place: "Lowell, MA", trade: hvac, people: []string{"Vikram Shah <vikram@oldmillair.example>"},
			tenant: connected(588203746, guided, 6*day),
		},
		{
			name: "Pelican Bay Plumbing", place: "Naples, FL", trade: plumbing, people: []string{"Carmen Delgado <carmen@pelicanbay.example>"},
			tenant: connected(591677035, signIn, 2*day),
		},
		{
			name: "Red Barn Electric", place: "Lancaster, PA", trade: electrical, people: []string{"Amos Yoder <amos@redbarnelectric.example>"},
			tenant: connected(603458829, signIn, 3*hour),
		},

		// Retrying.
		{
			name: "Sunflower Comfort", place: "Topeka, KS", trade: hvac, people: []string{"Paige Novak <paige@sunflowercomfort.example>"},
			tenant: retrying(614092573, own, 150*day, 12*minute, limited),
		},
		{
			name: "Tidewater Drain Experts", place: "Norfolk, VA", trade: plumbing, people: []string{"Andre Coleman <andre@tidewaterdrain.example>"},
			tenant: retrying(625531840, signIn, 29*day, 6*hour, down),
		},

		// A person must act, for each reason that ends a connection.
		{
			name: "Blackstone Boiler Works", place: "Providence, RI", trade: hvac, people: []string{"Gina Marchetti <gina@blackstoneboiler.example>"},
			tenant: ended(638270194, own, 222*day, 5*day, models.ReasonClientRefused),
		},
		{
			name: "Silver Creek Sprinkler", place: "Reno, NV", trade: plumbing, people: []string{"Dale Whitehorse <dale@silvercreek.example>"},
			tenant: ended(647715302, guided, 110*day, 26*hour, models.ReasonNotAllowed),
		},
		{
			name: "Frontier Generator Service", place: "Cheyenne, WY", trade: electrical, people: []string{"Kirsten Voss <kirsten@frontiergenerator.example>"},
			tenant: ended(652904168, signIn, 49*day, 90*minute, models.ReasonAnswerLost),
		},
		{
			name: "Palmetto Cooling", place: "Charleston, SC", trade: hvac, people: []string{"Darius Grant <darius@palmettocooling.example>"},
			tenant: ended(668139027, signIn, 203*day, 9*day, models.ReasonUnauthorized, trouble(20*day, 35*minute, down)),
		},
		{
			name: "Badger State Plumbing", place: "Madison, WI", trade: plumbing, people: []string{"Ingrid Olsen <ingrid@badgerplumbing.example>"},
			tenant: ended(679420853, signIn, 340*day, 19*day, models.ReasonTenantUnknown),
		},
		{
			name: "Steel City Climate", place: "Pittsburgh, PA", trade: hvac, people: []string{"Joanna Kowalski <joanna@steelcityclimate.example>"},
			tenant: ended(692583710, signIn, 128*day, 7*hour, models.ReasonSealBroken),
		},

		// Disconnected.
		{
			name: "Juniper Home Comfort", place: "Santa Fe, NM", trade: hvac, people: []string{"Rosa Montoya <rosa@juniperhome.example>"},
			tenant: disconnected(703146285, signIn, 187*day, 20*minute),
		},
		{
			name: "Great Lakes Gutter & Drain", place: "Toledo, OH", trade: plumbing, people: []string{"Neil Haverford <neil@greatlakesgutter.example>"},
			tenant: disconnected(716802439, own, 92*day, 12*day, trouble(25*day, 2*hour, down)),
		},

		// Being set up with our staff.
		{
			name: "Stonebridge Mechanical", place: "Frederick, MD", trade: hvac, people: []string{"Yvonne Adler <yvonne@stonebridgemech.example>"},
			tenant: waiting(721390564, 4*day, 3*day, models.StepAllowAccess, ""),
		},
		{
			name: "Four Corners Electric", place: "Farmington, NM", trade: electrical, people: []string{"Ben Yazzie <ben@fourcornerselectric.example>"},
			tenant: waiting(745218067, 2*day, 2*hour, models.StepEnterCredentials, ""),
		},
		{
			name: "Queen Anne Plumbing", place: "Seattle, WA", trade: plumbing, people: []string{"Louise Park <louise@queenanneplumbing.example>"},
			tenant: waiting(758931402, 6*day, 28*hour, models.StepAllowAccess, models.OutcomeNotAllowed),
		},

		// Not connected.
		{
			name: "Wasatch Power & Light Service", people: []string{"Trent Gallagher <trent@wasatchpower.example>"}, age: 23 * hour,
			failed: &demo.SampleFailure{Age: 22 * hour, Outcome: models.OutcomeTenantTaken},
		},
		{
			name: "Cascade Septic & Drain", people: []string{"Molly Greer <molly@cascadeseptic.example>"}, age: 8 * day,
			failed: &demo.SampleFailure{Age: 8*day - hour, Outcome: models.OutcomeDenied},
		},
		{name: "Hometown Heat Pumps", people: []string{"Arjun Patel <arjun@hometownheat.example>"}, age: 50 * minute},
		{
			name: "Delta Duct Cleaning", place: "Stockton, CA", trade: hvac, people: []string{"Frank Russo <frank@deltaduct.example>"},
			tenant: connected(763045891, signIn, 58*day), lockAge: 30 * hour,
			locked: "The company was sold and both sides claim the account. Locked until the papers are here.",
		},
	}
}
