package views

import (
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// setupStep is a step of a guided setup as its checklist shows it.
type setupStep struct {
	step        models.SetupStep // empty for the confirmation, which may come at any time
	title, text string
	side        models.Side // who acts
	done        bool
	current     bool
	// at is when the step was done, or since when it waits. It is nil for later
	// steps.
	at *time.Time
}

// setupSteps returns the checklist of a setup, in the words for the company.
func setupSteps(s models.Setup) []setupStep {
	steps := []setupStep{
		{step: models.StepAddTenant, title: "We add your tenant ID", text: "Then ServiceTitan shows Fieldbridge to your company.", side: models.Us, at: s.TenantAddedAt},
		{step: models.StepAllowAccess, title: "You allow Fieldbridge in ServiceTitan", text: "A ServiceTitan admin does this in about two minutes.", side: models.TheCompany, at: s.AllowedAt},
		confirmation(s),
		{step: models.StepEnterCredentials, title: "We finish the setup", text: "You do not copy anything, and you do not send anybody a password.", side: models.Us},
		{step: models.StepChecked, title: "We check that it works", text: "This happens automatically, right after step 4.", side: models.Us},
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

// confirmation returns the step in which staff find out who controls the tenant.
func confirmation(s models.Setup) setupStep {
	step := setupStep{
		title: "We confirm it with your ServiceTitan admin", side: models.Us,
		text: "We call a ServiceTitan admin of your company, at a number that ServiceTitan or your website shows, and ask whether you may connect this account.",
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

// setupProblems tells the company what prevented our staff from continuing.
//
//exhaustive:ignore
var setupProblems = map[models.Outcome]string{
	models.OutcomeNotAllowed:    "ServiceTitan still shows Fieldbridge as not connected for this tenant. Please go through the steps again: the last click is Allow Access.",
	models.OutcomeTenantUnknown: "ServiceTitan does not know this tenant ID. Compare it with My Tenant ID, cancel this setup, and start again with the right number.",
	models.OutcomeTenantTaken:   "This tenant cannot be connected here, because another company in Fieldbridge uses it. If that surprises you, ask Fieldbridge support.",
}

// SetupProblem returns the company's text for a problem that our staff found in its
// setup.
func SetupProblem(o models.Outcome) string { return setupProblems[o] }

// digit returns a small number as text.
func digit(n int) string { return strconv.Itoa(n) }
