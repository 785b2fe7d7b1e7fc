package models

// NextStep says in words what has to happen next with a connection, for back ends and
// the people who use them. s is the open setup, or nil.
func NextStep(c Connection, s *Setup) string {
	switch c.State {
	case Pending:
		return nextInSetup(s)
	case Connected, Degraded:
		if s != nil {
			return nextInSetup(s)
		}
		return nextWhileUsed(c)
	case ReconnectNeeded:
		if s != nil {
			return nextInSetup(s)
		}
		return nextToReconnect(c.Reason)
	case Disconnected:
		return "Nothing. Someone at the company connects again if they want to."
	}
	return ""
}

// nextWhileUsed is the next step of a connection that is renewed.
func nextWhileUsed(c Connection) string {
	switch {
	case c.Reason == ReasonOurSide:
		return "We fix a problem on our side. Nobody at the company needs to do anything."
	case c.State == Degraded || c.Reason != ReasonNone:
		return "We try again until ServiceTitan answers. Nobody needs to do anything."
	case c.UpgradeNeeded:
		return "A ServiceTitan admin at the company chooses Upgrade to New Version under API Application Access."
	}
	return "Nothing. The connection works."
}

// nextToReconnect is the next step after ServiceTitan refused for good.
func nextToReconnect(r Reason) string {
	switch r {
	case ReasonUnauthorized:
		return "Our support finds out why ServiceTitan refuses the access, and then tells the company to reconnect."
	case ReasonTenantUnknown:
		return "Someone at the company compares the tenant ID with My Tenant ID in ServiceTitan. Then they reconnect, or connect the right one."
	case ReasonNone, ReasonUnavailable, ReasonRateLimited, ReasonGrantRefused, ReasonClientRefused, ReasonAnswerLost,
		ReasonNotAllowed, ReasonScopeMissing, ReasonSealBroken, ReasonOurSide:
	}
	return "Someone at the company reconnects."
}

// nextInSetup is the next step of a guided setup.
func nextInSetup(s *Setup) string {
	if s == nil {
		return "Someone at the company asks for a setup again."
	}
	//exhaustive:ignore
	switch s.Problem {
	case OutcomeTenantUnknown:
		return "Someone at the company compares the tenant ID with My Tenant ID in ServiceTitan, cancels the setup, and starts again with the right one."
	case OutcomeTenantTaken:
		return "The tenant belongs to another company. Someone at the company asks our support, or cancels the setup."
	case OutcomeNotAllowed:
		return "A ServiceTitan admin at the company goes through the steps again. The last one is Allow Access under API Application Access."
	}
	switch s.Step {
	case StepAddTenant:
		return "We add the tenant ID to our app. Nobody at the company needs to do anything."
	case StepAllowAccess:
		return "A ServiceTitan admin at the company allows the app under API Application Access, and then says so on the connection's page."
	case StepEnterCredentials:
		return "We create the client ID and secret, and enter them. Nobody at the company needs to do anything."
	case StepChecked:
	}
	return "Nothing. The setup is complete."
}
