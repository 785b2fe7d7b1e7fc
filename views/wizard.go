package views

import (
	"cmp"
	"net/url"

	"github.com/fieldbridge/fieldbridge/models"
)

// ConnectPage is one question of connecting: how, which environment, or which tenant.
// The address has the answers that were given. The page asks the first question that
// has none.
type ConnectPage struct {
	// At is the address of the questions.
	At string
	// Offers lists what can be chosen, and Choice has the answers.
	Offers models.Offers
	Choice models.Choice
	// Ask says that somebody else is to connect. CanAsk says that the visitor may ask
	// them.
	Ask, CanAsk bool
	Tenant      string // as it was typed
	Errors      ConnectErrors
}

// ConnectErrors says what is wrong with each answer.
type ConnectErrors struct {
	Environment, Way, Tenant string
}

// startPath is the address of the questions of a person with an account.
const startPath = "/connect"

func (p ConnectPage) asksWay() bool         { return p.Choice.Way == "" && !p.Ask }
func (p ConnectPage) asksEnvironment() bool { return p.Choice.Environment == "" && !p.asksWay() }

func (p ConnectPage) asksTenant() bool { return !p.asksWay() && !p.asksEnvironment() }

// demoChoice returns the choice with a demo's tenant.
func (p ConnectPage) demoChoice(id int64) models.Choice {
	choice := p.Choice
	choice.TenantID = id
	return choice
}

// ways returns the answers to the first question.
func (p ConnectPage) ways() []models.Way { return p.Offers.In(p.Choice.Environment).Ways() }

// environments returns the environments that have the way.
func (p ConnectPage) environments() []models.EnvironmentName {
	if p.Choice.Way == "" {
		return p.Offers.Environments()
	}
	return p.Offers.By(p.Choice.Way).Environments()
}

// problems returns what is wrong with the answer to the question that is asked.
func (p ConnectPage) problems() []Problem {
	switch {
	case p.asksWay() && len(p.ways()) > 0:
		return []Problem{{rowID("how", string(p.ways()[0])), p.Errors.Way}}
	case p.asksEnvironment() && len(p.environments()) > 0:
		return []Problem{{rowID("env", string(p.environments()[0])), p.Errors.Environment}}
	}
	return []Problem{{"tenant", p.Errors.Tenant}}
}

// title is the question.
func (p ConnectPage) title() string {
	switch {
	case p.asksWay() && p.signsIn():
		return "Can you sign in to ServiceTitan as an admin?"
	case p.asksWay():
		return "How do you want to connect?"
	case p.asksEnvironment():
		return "Which ServiceTitan do you want to connect?"
	case p.Ask:
		return "Which tenant should they connect?"
	}
	return "What is your tenant ID?"
}

func (p ConnectPage) about() string {
	switch {
	case p.asksWay():
		return "Each way needs your tenant ID, too. We show you where it is."
	case p.asksEnvironment():
		return "Each has its own sign-in and its own tenant ID."
	case p.Ask:
		return "We make a link for the person who can sign in. It is for one ServiceTitan account."
	}
	return "ServiceTitan’s number for your company."
}

// signsIn reports whether people can connect by signing in.
func (p ConnectPage) signsIn() bool {
	return p.Offers.Has(p.anyEnvironment(models.SignInWay), models.SignInWay)
}

// anyEnvironment returns the first environment that has a way, among those that can
// still be chosen.
func (p ConnectPage) anyEnvironment(way models.Way) models.EnvironmentName {
	for _, name := range p.Offers.In(p.Choice.Environment).By(way).Environments() {
		return name
	}
	return ""
}

// to returns the address of the question that follows after other answers.
func (p ConnectPage) to(choice models.Choice, ask bool) string {
	return questionsPath(p.At, choice, ask)
}

// questionsPath returns the address of the questions with answers to some of them.
func questionsPath(at string, choice models.Choice, ask bool) string {
	query := url.Values{}
	for _, field := range fieldsOf(choice) {
		if field.value != "" {
			query.Set(field.name, field.value)
		}
	}
	if ask {
		query.Set("ask", "yes")
	}
	if len(query) == 0 {
		return at
	}
	return at + "?" + query.Encode()
}

// TenantPath returns the address of the question for the tenant ID, after the answers
// of a choice.
func TenantPath(choice models.Choice) string {
	return questionsPath(startPath, models.Choice{Environment: choice.Environment, Way: choice.Way}, false)
}

// otherWayPath returns the address where the person chooses another way.
func (p ConnectPage) otherWayPath() string {
	choice := p.Choice
	choice.Way = ""
	if !p.choosesEnvironment() {
		choice.Environment = ""
	}
	return p.to(choice, false)
}

// otherEnvironmentPath returns the address where the person chooses another
// environment.
func (p ConnectPage) otherEnvironmentPath() string {
	choice := p.Choice
	choice.Environment = ""
	if p.Ask {
		choice.Way = ""
	}
	return p.to(choice, p.Ask)
}

// choosesWay reports whether the first question has several answers.
func (p ConnectPage) choosesWay() bool { return len(p.Offers.Ways()) > 1 || p.Ask }

// choosesEnvironment reports whether the question for the environment has several.
func (p ConnectPage) choosesEnvironment() bool {
	return len(p.Offers) > 1 && (p.Ask || p.Choice.Way == "" || len(p.Offers.By(p.Choice.Way)) > 1)
}

// back returns the address of the question before, or where the person came from.
func (p ConnectPage) back() string {
	switch {
	case p.asksWay() || p.asksEnvironment() && !p.choosesWay():
		return "/connections"
	case p.asksEnvironment():
		return p.otherWayPath()
	case p.choosesEnvironment():
		return p.otherEnvironmentPath()
	case p.choosesWay():
		return p.otherWayPath()
	}
	return "/connections"
}

// first reports whether there is no question before.
func (p ConnectPage) first() bool { return p.back() == "/connections" }

// action returns the address to which the answers go.
func (p ConnectPage) action() string {
	switch {
	case p.At != startPath:
		return p.At + "/choose"
	case p.Ask:
		return startPath + "/ask"
	}
	return startPath
}

// steps returns the steps of the wizard, and which one this question is, from 1.
func (p ConnectPage) steps() (names []string, current int) {
	way := p.Choice.Way
	if way == "" && len(p.ways()) > 0 {
		way = p.ways()[0]
	}
	names, current = wizardSteps(way, !p.choosesWay()), 1
	if p.Ask {
		names = []string{"How", "Account", "Send the link", "They connect"}
	}
	if !p.asksWay() && p.choosesWay() {
		current = 2
	}
	return names, current
}

// wizardSteps returns the steps of connecting by a way. oneWay says that no other is
// offered, so that nobody is asked.
func wizardSteps(way models.Way, oneWay bool) []string {
	if oneWay {
		return append([]string{"Account"}, laterSteps[way]...)
	}
	return append([]string{"How", "Account"}, laterSteps[way]...)
}

// laterSteps are the steps after the questions.
var laterSteps = map[models.Way][]string{
	models.SignInWay:         {"Review access", "Allow in ServiceTitan", "Done"},
	models.GuidedWay:         {"Request setup", "Done together"},
	models.OwnCredentialsWay: {"Enter details", "Done"},
}

// row is an answer that is a link to the next question.
type row struct {
	id, href, icon, title, about string
	// takes and needs say how long it takes, and what to have at hand. They are empty
	// if there is nothing to say.
	takes, needs string
	recommended  bool
}

func rowID(question, answer string) string { return question + "-" + answer }

// wayRows returns the answers to the first question.
func (p ConnectPage) wayRows() []row {
	var rows []row
	recommended := p.Offers.In(p.Choice.Environment).Recommended()
	for _, way := range p.ways() {
		choice := p.Choice
		choice.Way = way
		r, ok := wayWords[way]
		if !ok {
			r = row{icon: "bridge", title: OptionLabel(string(way))}
		}
		r.id, r.href, r.recommended = rowID("how", string(way)), p.to(choice, false), way == recommended && len(p.ways()) > 1
		rows = append(rows, r)
		if way == models.SignInWay && p.CanAsk {
			rows = append(rows, p.askRow())
		}
	}
	if p.CanAsk && !p.signsIn() {
		rows = append(rows, p.askRow())
	}
	return rows
}

func (p ConnectPage) askRow() row {
	r := row{
		id: rowID("how", "ask"), icon: "send", title: "Someone else can",
		about: "We make a link for them. They need no account here, and you can follow their progress.",
		takes: "1 minute for you", needs: "A way to send them a link",
	}
	if !p.signsIn() {
		r.title = "Someone else is our ServiceTitan admin"
	}
	choice := p.Choice
	choice.Way = ""
	r.href = p.to(choice, true)
	return r
}

// wayWords describes the ways to connect.
var wayWords = map[models.Way]row{
	models.SignInWay: {
		icon: "userkey", title: "Yes, I can", about: "You type one number, sign in with ServiceTitan, and choose Allow.",
		takes: "1 minute", needs: "Your ServiceTitan sign-in",
	},
	models.GuidedWay: {
		icon: "users", title: "Set it up with us", about: "You allow Fieldbridge in ServiceTitan. We do the rest.",
		takes: "1 business day", needs: "An admin, for 2 minutes",
	},
	models.OwnCredentialsWay: {
		icon: "key", title: "I have a client ID and secret", about: "You paste both, and Fieldbridge tries them at once.",
		takes: "5 minutes", needs: "Client ID and client secret",
	},
}

// environmentRows returns the answers to the second question.
func (p ConnectPage) environmentRows() []row {
	// Others have the common icon.
	//exhaustive:ignore
	icons := map[models.EnvironmentName]string{"production": "building", "integration": "copy"}
	var rows []row
	for _, name := range p.environments() {
		choice := p.Choice
		choice.Environment = name
		rows = append(rows, row{
			id: rowID("env", string(name)), href: p.to(choice, p.Ask), icon: cmp.Or(icons[name], "toolbox"),
			title: OptionLabel(string(name)), about: optionOf(string(name)).about,
		})
	}
	return rows
}
