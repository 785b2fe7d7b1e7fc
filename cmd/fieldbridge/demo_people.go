package main

import "github.com/fieldbridge/fieldbridge/handlers"

const demoPassword = "a bridge to the field"

// demoPeople are the people that a demo's pages can sign in. The seed creates them.
type demoPeople struct {
	dana, theo, luis, june, wade, grace, marta, otis, priya, ada handlers.DemoAccount
	simone, owen, marcus, declan, rosa                           handlers.DemoAccount
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
		rosa:   person("rosa@juniperridge.example", "Rosa Delgado, owner at Juniper Ridge", ""),
		priya:  person("priya@fieldbridge.example", "Priya Nair, Fieldbridge support", "All companies, and what needs attention"),
		ada:    person("ada@fieldbridge.example", "Ada Reyes, Fieldbridge admin", "Also locks, disconnects, and manages the team"),
	}
}

// demoAccounts returns two people of companies and two of staff.
func demoAccounts() []handlers.DemoAccount {
	people := newDemoPeople()
	return []handlers.DemoAccount{people.dana, people.theo, people.priya, people.ada}
}
