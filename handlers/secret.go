package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// secretForm shows how to replace the secret of the company's own client.
func (s *site) secretForm(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	client, err := s.Connections.Client(c.Request().Context(), v.CompanyID, id, models.OwnCredentialsWay)
	if err != nil {
		return err
	}
	return s.showSecret(c, v, http.StatusOK, views.SecretPage{Client: client, Done: c.QueryParam("done") == "replaced"})
}

func (s *site) showSecret(c echo.Context, v accounts.Visitor, status int, page views.SecretPage) error {
	page.Clock = s.clockOf(v)
	if environment, ok := s.environment(page.Client.Connection.Environment); ok {
		page.AppURL = environment.AppURL()
	}
	return fieldbridge.Render(c, status, views.ReplaceSecret(page))
}

// replaceSecret tries the secret that was typed, and uses it if it works.
func (s *site) replaceSecret(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	client, err := s.Connections.Client(ctx, v.CompanyID, id, models.OwnCredentialsWay)
	if err != nil {
		return err
	}
	told, err := s.trySecret(c, client, f, func(n connect.NewSecret) (models.Result, error) {
		return s.Connections.ReplaceSecret(ctx, v.Actor(), client, n)
	})
	if err != nil {
		return err
	}
	if told.replaced() {
		return seeOther(c, connectionPath(id)+"/secret?done=replaced")
	}
	return s.showSecret(c, v, told.status, views.SecretPage{Client: client, Problem: told.problem, Result: told.result})
}

// oldSecretDeleted records the contractor's statement that the old secret is deleted.
func (s *site) oldSecretDeleted(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	ctx := c.Request().Context()
	client, err := s.Connections.Client(ctx, v.CompanyID, id, models.OwnCredentialsWay)
	if err != nil {
		return err
	}
	if err := s.Connections.OldSecretDeleted(ctx, v.Actor(), v.CompanyID, client.Connection.ID); err != nil {
		return err
	}
	return seeOther(c, connectionPath(id))
}

// toldOfSecret is what a form says after a new secret was entered in it.
type toldOfSecret struct {
	// problem is what is wrong with the secret; empty if it is not to blame.
	problem string
	// result is how the attempt ended. It is zero if the problem says so.
	result models.Result
	// status is the status of the page.
	status int
}

// replaced says whether the new secret is in use.
func (t toldOfSecret) replaced() bool { return t.result.Outcome == models.OutcomeConnected }

// trySecret reads a new secret from a form, and calls replace with it if it may be one. It
// returns what the form says then.
func (s *site) trySecret(c echo.Context, client connect.ClientView, f form, replace func(connect.NewSecret) (models.Result, error)) (toldOfSecret, error) {
	wrong := func(problem string) (toldOfSecret, error) {
		return toldOfSecret{problem: problem, status: http.StatusUnprocessableEntity}, nil
	}
	entered := enteredSecret(f)
	if problem := secretProblem(entered.Value); problem != "" {
		return wrong(problem)
	}
	result, err := replace(entered)
	if problem := misplacedSecret(err); problem != "" {
		return wrong(problem)
	}
	if err != nil {
		return toldOfSecret{}, err
	}
	if problem := refusedSecret(client, entered.Value, result); problem != "" {
		return wrong(problem)
	}
	request.SetRetryAfter(c.Response().Header(), result.RetryAt, s.Now())
	return toldOfSecret{result: result, status: result.Outcome.Status()}, nil
}

// enteredSecret reads a new secret, and which one the page of the form has shown as the
// one in use.
func enteredSecret(f form) connect.NewSecret {
	entered := connect.NewSecret{Value: secret.New(pasted(f.Raw("secret")))}
	if micros, err := strconv.ParseInt(f.Raw("instead"), 10, 64); err == nil {
		entered.InsteadOf = time.UnixMicro(micros)
	}
	return entered
}

// secretProblem says what is wrong with a value that need not be tried.
func secretProblem(value secret.Value) string {
	switch text := value.Reveal(); {
	case text == "":
		return "Enter the new client secret."
	case strings.HasPrefix(text, clientIDPrefix):
		return "This looks like the client ID. Copy the client secret, which ServiceTitan shows once."
	}
	return ""
}

// misplacedSecret says why a secret was not tried. It returns nothing for an error that
// is not about the secret.
func misplacedSecret(err error) string {
	switch {
	case errors.Is(err, connect.ErrSecretInUse):
		return "This is the secret that is in use already. Generate a new one in ServiceTitan, and enter that."
	case errors.Is(err, connect.ErrClientChanged):
		return "The connection has changed since this page was loaded. Check the client ID above, then enter the secret again."
	}
	return ""
}

// refusedSecret says what is probably wrong with a secret that did not work. It returns
// nothing if the secret is not to blame.
func refusedSecret(client connect.ClientView, value secret.Value, result models.Result) string {
	// The others are not about the secret.
	//exhaustive:ignore
	switch result.Outcome {
	case models.OutcomeClientRefused:
		why := whyRefused(servicetitan.OwnClient{ID: client.ClientID, Secret: value}, client.Connection.Environment.Label())
		if why.Secret == "" || !strings.HasPrefix(value.Reveal(), appKeyPrefix) {
			return "ServiceTitan did not accept this secret for this client ID. Copy it again, and check that it is from " +
				client.Connection.Environment.Label() + "."
		}
		return why.Secret
	case models.OutcomeWrongTenant:
		return "This secret belongs to tenant " + strconv.FormatInt(result.FoundTenantID, 10) + ", not to " +
			strconv.FormatInt(client.Connection.TenantID, 10) + "."
	}
	return ""
}
