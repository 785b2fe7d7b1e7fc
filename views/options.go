package views

import (
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// option is an answer to a question of connecting. Environments say what they are about.
type option struct{ label, about string }

// options describes the environments and the ways to connect.
var options = map[string]option{
	"production":      {"Production", "Your live account: the one your office uses every day."},
	"integration":     {"Integration", "A separate practice copy. Choose this only if ServiceTitan gave you one."},
	"sandbox":         {"Sandbox", "A simulated ServiceTitan, to try everything out. No real account is involved."},
	"sign_in":         {label: "Sign in with ServiceTitan"},
	"guided":          {label: "Set up with us"},
	"own_credentials": {label: "Use a client ID and secret"},
}

func optionOf(value string) option {
	if o, ok := options[value]; ok {
		return o
	}
	return option{label: value}
}

// OptionLabel returns the name of an environment or of a way to connect.
func OptionLabel(value string) string { return optionOf(value).label }

// otherWay is the text of the link to another way.
var otherWay = map[models.Way]string{
	models.SignInWay:         "Sign in with ServiceTitan instead",
	models.GuidedWay:         "Set it up with us instead",
	models.OwnCredentialsWay: "Use a client ID and secret instead",
}

// ConnectionPath returns the address of the company's own page of a connection.
func ConnectionPath(id uuid.UUID) string { return "/connections/" + id.String() }
