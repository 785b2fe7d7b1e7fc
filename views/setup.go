package views

import (
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// setupStep is a step of a guided set-up as its checklist shows it.
type setupStep struct {
	step        models.SetupStep // empty for the confirmation, which may come at any time
	title, text string
	side        models.Side // who acts
	done        bool
	current     bool
	// at is when it was done, or since when it waits; nil if it has yet to come.
	at *time.Time
}

// setupSteps is the checklist of a set-up, in the company's words.
func setupSteps(s models.Setup) []setupStep {
	steps := []setupStep{
		{step: models.StepAddTenant, title: "We add your tenant ID", text: "Then ServiceTitan shows Fieldbridge to your company.", side: models.Us, at: s.TenantAddedAt},
		{step: models.StepAllowAccess, title: "You allow Fieldbridge in ServiceTitan", text: "A ServiceTitan admin does this in about two minutes.", side: models.TheCompany, at: s.AllowedAt},
		confirmation(s),
		{step: models.StepEnterCredentials, title: "We finish the set-up", text: "You copy nothing, and send nobody a password.", side: models.Us},
		{step: models.StepChecked, title: "We check that it works", text: "It happens by itself, right after step 4.", side: models.Us},
	}
	for i := range steps {
		switch step := &steps[i]; {
		case step.step == s.Step:
			step.current, step.at = true, &s.Since
			return steps
		case step.step != "":
			step.done = true
		case s.Step == models.StepEnterCredentials && !step.done:
			step.current, step.at = true, &s.Since
			return steps
		}
	}
	return steps
}

// confirmation is the step in which staff find out who controls the tenant.
func confirmation(s models.Setup) setupStep {
	step := setupStep{
		title: "We confirm it with your ServiceTitan admin", side: models.Us,
		text: "We call a ServiceTitan admin of your company, on a number that ServiceTitan or your website shows, and ask whether you may connect this account.",
	}
	if s.Proof.Recorded() {
		step.done, step.at, step.text = true, s.Proof.At, "Confirmed with "+s.Proof.Who()+"."
	}
	return step
}

// turn says in a word or two whose turn it is.
func (s setupStep) turn(waitsFor models.Side) StateWords {
	switch {
	case s.done:
		return StateWords{"ok", "check", "Done"}
	case !s.current:
		return StateWords{"off", "clock", "Later"}
	case waitsFor == models.TheCompany:
		return StateWords{"warn", "users", "Your turn"}
	}
	return StateWords{"info", "clock", "Our turn"}
}

// setupProblems say to the company what our staff found in the way.
//
//exhaustive:ignore
var setupProblems = map[models.Outcome]string{
	models.OutcomeNotAllowed:    "ServiceTitan still shows Fieldbridge as not connected for this tenant. Please go through the steps once more: the last click is Allow Access.",
	models.OutcomeTenantUnknown: "ServiceTitan does not know this tenant ID. Compare it with My Tenant ID, withdraw this set-up, and begin again with the right number.",
	models.OutcomeTenantTaken:   "This tenant cannot be connected here, because another company in Fieldbridge uses it. If that surprises you, ask Fieldbridge support.",
}

// SetupProblem returns what a company reads when our staff found something in the
// way of its set-up.
func SetupProblem(o models.Outcome) string { return setupProblems[o] }

// digit is a small number as text.
func digit(n int) string { return strconv.Itoa(n) }
