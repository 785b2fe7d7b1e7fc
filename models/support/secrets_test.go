package support_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// The list of secrets has the oldest first, page by page in both directions, and only
// those that the filter selects.
func TestSecretsByAge(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		company := c.Company("Northgate Heating", "dana@northgate.example")
		now := c.Clock.Now().UTC().Truncate(time.Microsecond)
		environments := []servicetitan.EnvironmentName{servicetitan.Production, servicetitan.Sandbox}
		var all []uuid.UUID
		for i := range 9 { // the oldest comes last
			all = append(all, c.Add(company, int64(842193311+i), func(o *models.Connection) {
				at := now.Add(-time.Duration(i/2) * time.Hour) // some at the same moment
				o.SecretAt, o.Environment = &at, environments[i%2]
				o.Way = []models.Way{models.GuidedWay, models.OwnCredentialsWay}[i/2%2]
			}))
		}
		c.Add(company, 1, func(o *models.Connection) { o.Way = models.SignInWay })
		c.Add(company, 2, func(o *models.Connection) { o.Way, o.State = models.OwnCredentialsWay, models.Disconnected })
		read := func(f support.SecretFilter) (ids []uuid.UUID) {
			t.Helper()
			at, pages := support.Cursor{}, [][]uuid.UUID{}
			for {
				page, err := support.SecretsOf(c.Support, t.Context(), f, at, 2)
				if err != nil {
					t.Fatal(err)
				}
				var these []uuid.UUID
				for _, o := range page.Connections {
					these = append(these, o.ID)
				}
				if len(pages) > 0 { // the page before is the one that was read before
					back, err := support.SecretsOf(c.Support, t.Context(), f, page.Before, 2)
					if err != nil || len(back.Connections) == 0 || back.Connections[0].ID != pages[len(pages)-1][0] {
						t.Errorf("the page before %v is %v, %v", these, back.Connections, err)
					}
				}
				ids, pages = append(ids, these...), append(pages, these)
				if page.After == (support.Cursor{}) {
					return ids
				}
				at = page.After
			}
		}
		order := []int{8, 6, 7, 4, 5, 2, 3, 0, 1}
		want := make([]uuid.UUID, len(order))
		for i, n := range order {
			want[i] = all[n]
		}
		if got := read(support.SecretFilter{}); !slices.Equal(got, want) {
			t.Errorf("the list is %v, want %v", got, want)
		}
		for name, f := range map[string]support.SecretFilter{
			"environment": {Environment: servicetitan.Sandbox}, "way": {Way: models.GuidedWay}, "both": {Environment: servicetitan.Production, Way: models.OwnCredentialsWay},
		} {
			selected := slices.DeleteFunc(slices.Clone(order), func(i int) bool {
				return (f.Environment != "" && environments[i%2] != f.Environment) ||
					(f.Way != "" && []models.Way{models.GuidedWay, models.OwnCredentialsWay}[i/2%2] != f.Way)
			})
			got := read(f)
			if len(got) != len(selected) {
				t.Fatalf("%s: %d, want %d", name, len(got), len(selected))
			}
			for i, n := range selected {
				if got[i] != all[n] {
					t.Errorf("%s: %v", name, got)
				}
			}
		}
		for name, f := range map[string]support.SecretFilter{"all secrets": {}, "secrets of an environment": {Environment: servicetitan.Sandbox}, "secrets of a way": {Way: models.GuidedWay}} {
			modeltest.Explains(t, c.DB, name, func() {
				page, err := support.SecretsOf(c.Support, t.Context(), f, support.Cursor{}, 1)
				if err == nil && page.After != (support.Cursor{}) {
					_, err = support.SecretsOf(c.Support, t.Context(), f, page.After, 1)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
		}
		modeltest.Explains(t, c.DB, "queue", func() {
			if _, err := c.Support.Queue(t.Context(), accounts.Staff{}, support.QueueFilter{}, support.Cursor{}); err != nil {
				t.Fatal(err)
			}
		})
	})
}
