package handlers_test

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// An owner who invites an address does not learn whether it has an account: not from
// the answer, the page after it, or the time.
func TestInvitingTellsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		const tries, rounds = 200, 3
		dana := a.signUp("Northgate", "Dana")
		address := func(n int, known bool) string {
			return map[bool]string{true: "known", false: "other"}[known] + fmt.Sprintf("%03d@addresses.example", n)
		}
		now := a.clock.Now().UTC()
		var people []accounts.User
		for i := range tries {
			people = append(people, accounts.User{ID: uuid.Must(uuid.NewV7()), Email: address(i, true), Name: "K", PasswordHash: "x", ProvenAt: &now, CreatedAt: now})
		}
		if err := a.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.CreateInBatches(&people, 50).Error }); err != nil {
			t.Fatal(err)
		}
		// look makes one try. It returns what the browser gets, without the address.
		look := func(email string) (string, time.Duration) {
			// No limit may end the test, and each try finds the same database.
			a.exec("DELETE FROM throttles")
			a.exec("DELETE FROM account_mails")
			a.exec("DELETE FROM invitations")
			r := dana.request(http.MethodPost, "/team/invitations", url.Values{"email": {email}, "role": {"member"}})
			began := time.Now()
			got := dana.send(r)
			took := time.Since(began)
			if got.status != http.StatusSeeOther {
				t.Fatalf("%s: status %d", email, got.status)
			}
			page := dana.get(got.location).want(a, 200)
			said := fmt.Sprint(got.status, got.location, got.body, page.body)
			said = strings.ReplaceAll(said, email, "ADDRESS")
			said = strings.ReplaceAll(said, strings.Replace(email, "@", "<wbr>@", 1), "ADDRESS")
			return strings.ReplaceAll(said, a.lookup("SELECT id FROM invitations"), "ID"), took
		}
		first, _ := look(address(0, false))
		for round := 1; ; round++ {
			var took [2][]time.Duration
			for i := range tries {
				for _, known := range []bool{i%2 == 0, i%2 != 0} { // each comes first half of the time
					said, t1 := look(address(i, known))
					if said != first {
						t.Fatalf("known %t: the answer differs:\n%s\n%s", known, said, first)
					}
					took[map[bool]int{true: 1}[known]] = append(took[map[bool]int{true: 1}[known]], t1)
				}
			}
			p := rankTest(took[0], took[1])
			t.Logf("round %d: p = %.3f", round, p)
			if p > 0.01 {
				return
			}
			if round == rounds {
				t.Fatal("the time tells whether an address has an account")
			}
		}
	})
}

// rankTest returns the probability of a difference between two samples like this one
// or a greater one, if both have the same distribution (Mann-Whitney U, two-sided,
// normal approximation).
func rankTest(a, b []time.Duration) float64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	n, m := float64(len(a)), float64(len(b))
	sum := 0.0
	for _, d := range a {
		first, _ := slices.BinarySearch(all, d)
		next, _ := slices.BinarySearch(all, d+1)
		sum += float64(first+1+next) / 2 // the mean rank of equal values
	}
	u := sum - n*(n+1)/2
	z := math.Abs(u-n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(z / math.Sqrt2)
}
