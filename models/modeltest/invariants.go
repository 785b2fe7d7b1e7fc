package modeltest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// served bounds of how many connections invariants ask for tokens.
const served = 20

// Invariants fails the test if a rule is broken that must hold after every run. It
// leaves out the rules in but, which the run cannot keep.
func (k *Kept) Invariants(but ...string) {
	k.Helper()
	for _, breach := range k.Breaches() {
		if !slices.ContainsFunc(but, func(number string) bool { return strings.HasPrefix(breach, number) }) {
			k.Error(breach)
		}
	}
}

// Breaches returns which of the invariants I1 to I8 do not hold, according to the
// sandbox's record and the database.
func (k *Kept) Breaches() []string {
	k.Helper()
	breaches := append(sandboxtest.Breaches(k.Sandbox.Requests()), testdb.Breaches(k.Count)...)
	breaches = append(breaches, k.grantBreaches()...)
	return append(breaches, k.servedBreaches()...)
}

// grantBreaches compares what the database holds with what the sandbox honours.
func (k *Kept) grantBreaches() (breaches []string) {
	k.Helper()
	var connections []models.Connection
	var rows []struct {
		ConnectionID  uuid.UUID
		CompanyID     uuid.UUID
		RefreshSealed []byte
		Generation    int64
	}
	for _, err := range []error{
		k.DB.Read(k.Context()).Find(&connections).Error,
		k.DB.Read(k.Context()).Raw("SELECT connection_id, company_id, refresh_sealed, generation FROM credentials").Scan(&rows).Error,
	} {
		if err != nil {
			k.Fatal(err)
		}
	}
	byID := map[uuid.UUID]int{}
	for i, r := range rows {
		byID[r.ConnectionID] = i
	}
	holders := map[string]uuid.UUID{}
	now := k.DB.Now()
	for _, c := range connections {
		i, ok := byID[c.ID]
		if !ok || rows[i].RefreshSealed == nil {
			continue
		}
		refresh, err := k.Keys.Open(rows[i].RefreshSealed, seal.Place{
			Table: "credentials", Company: rows[i].CompanyID.String(), Row: c.ID.String(), Column: "refresh_sealed", Generation: rows[i].Generation,
		})
		if err != nil {
			if c.State != models.ReconnectNeeded {
				breaches = append(breaches, fmt.Sprintf("I7: %s is %s and cannot be opened", c.ID, c.State))
			}
			continue
		}
		if other, twice := holders[refresh]; twice {
			breaches = append(breaches, fmt.Sprintf("I4: %s and %s have the same refresh token", c.ID, other))
		}
		holders[refresh] = c.ID
		since, dead := k.Sandbox.DeadSince(refresh)
		switch {
		case !dead && c.State == models.ReconnectNeeded && (c.Reason == models.ReasonGrantRefused || c.Reason == models.ReasonAnswerLost):
			breaches = append(breaches, fmt.Sprintf("I6: %s was given up for %s, and its grant is honoured", c.ID, c.Reason))
		case !dead && c.State == models.Degraded && now.Sub(*c.NextRenewalAt) > database.LeaseLife:
			breaches = append(breaches, fmt.Sprintf("I6: %s is %s, its grant is honoured, and it was due at %s", c.ID, c.State, c.NextRenewalAt))
		case dead && c.State == models.Connected && now.Sub(since) > k.Options.KeepAlive:
			breaches = append(breaches, fmt.Sprintf("I7: %s is connected, and its refresh token dead since %s", c.ID, since))
		}
	}
	return breaches
}

// servedBreaches asks for tokens that may not be had.
func (k *Kept) servedBreaches() (breaches []string) {
	k.Helper()
	var some []models.Connection
	if err := k.DB.Read(k.Context()).Order("state DESC").Limit(served).Find(&some).Error; err != nil {
		k.Fatal(err)
	}
	for _, c := range some {
		if _, err := k.Keeper.AccessToken(k.Context(), database.NewID(), c.ID); err == nil {
			breaches = append(breaches, fmt.Sprintf("I4: another company gets the token of %s", c.ID))
		}
		if c.State != models.Disconnected && c.State != models.Pending {
			continue
		}
		if _, err := k.Keeper.AccessToken(k.Context(), c.CompanyID, c.ID); err == nil {
			breaches = append(breaches, fmt.Sprintf("I5: %s is %s, and its token is served", c.ID, c.State))
		}
	}
	return breaches
}
