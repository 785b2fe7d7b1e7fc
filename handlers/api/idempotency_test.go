package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// A request whose handler panics can be sent again at once, as after any other 5xx.
func TestPanicIsNotKept(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		a, key := New(Options{Answers: accounts.NewKeptAnswers(db, modeltest.TestKeys(t))}), accounts.APIKey{ID: uuid.New()}
		send := func(handle func(echo.Context, accounts.APIKey) error) (code int, panicked bool, err error) {
			r := httptest.NewRequest(http.MethodPost, "/api/v1/connect-sessions", nil)
			r.Header.Set(idempotencyKey, "a")
			answer := httptest.NewRecorder()
			defer func() { panicked = recover() != nil }()
			err = a.once(echo.New().NewContext(r, answer), key, handle)
			return answer.Code, false, err
		}
		if _, panicked, _ := send(func(echo.Context, accounts.APIKey) error { panic("mistake") }); !panicked {
			t.Error("the panic is lost")
		}
		code, _, err := send(func(c echo.Context, _ accounts.APIKey) error { return c.NoContent(http.StatusCreated) })
		if err != nil || code != http.StatusCreated {
			t.Errorf("sent again: %d, %v", code, err)
		}
	})
}
