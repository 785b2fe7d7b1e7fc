package models

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// served bounds of how many connections invariants ask for tokens.
const served = 20

// invariants checks what must hold after every run, whatever was done to it,
// but for those that the run cannot keep.
func (k *kept) invariants(but ...string) {
	k.Helper()
	for _, breach := range k.breaches() {
		if !slices.ContainsFunc(but, func(number string) bool { return strings.HasPrefix(breach, number) }) {
			k.Error(breach)
		}
	}
}

// breaches is what an independent reader of the sandbox's record and of the
// database finds: of the invariants I1 to I8, each that does not hold.
func (k *kept) breaches() []string {
	k.Helper()
	breaches := append(sandboxtest.Breaches(k.sandbox.Requests()), testdb.Breaches(k.count)...)
	breaches = append(breaches, k.grantBreaches()...)
	return append(breaches, k.servedBreaches()...)
}

// grantBreaches compares what the database holds with what the sandbox honours.
func (k *kept) grantBreaches() (breaches []string) {
	k.Helper()
	var connections []Connection
	var rows []struct {
		ConnectionID  uuid.UUID
		CompanyID     uuid.UUID
		RefreshSealed []byte
		Generation    int64
	}
	for _, err := range []error{
		k.db.Read(k.Context()).Find(&connections).Error,
		k.db.Read(k.Context()).Raw("SELECT connection_id, company_id, refresh_sealed, generation FROM credentials").Scan(&rows).Error,
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
	now := k.db.Now()
	for _, c := range connections {
		i, ok := byID[c.ID]
		if !ok || rows[i].RefreshSealed == nil {
			continue
		}
		refresh, err := k.keys.Open(rows[i].RefreshSealed, seal.Place{
			Table: "credentials", Company: rows[i].CompanyID.String(), Row: c.ID.String(), Column: "refresh_sealed", Generation: rows[i].Generation,
		})
		if err != nil {
			if c.State != ReconnectNeeded {
				breaches = append(breaches, fmt.Sprintf("I7: %s is %s and cannot be opened", c.ID, c.State))
			}
			continue
		}
		if other, twice := holders[refresh]; twice {
			breaches = append(breaches, fmt.Sprintf("I4: %s and %s have the same refresh token", c.ID, other))
		}
		holders[refresh] = c.ID
		since, dead := k.sandbox.DeadSince(refresh)
		switch {
		case !dead && c.State == ReconnectNeeded && (c.Reason == ReasonGrantRefused || c.Reason == ReasonAnswerLost):
			breaches = append(breaches, fmt.Sprintf("I6: %s was given up for %s, and its grant is honoured", c.ID, c.Reason))
		case !dead && c.State == Degraded && now.Sub(*c.NextRenewalAt) > leaseLife:
			breaches = append(breaches, fmt.Sprintf("I6: %s is %s, its grant is honoured, and it was due at %s", c.ID, c.State, c.NextRenewalAt))
		case dead && c.State == Connected && now.Sub(since) > k.options.KeepAlive:
			breaches = append(breaches, fmt.Sprintf("I7: %s is connected, and its refresh token dead since %s", c.ID, since))
		}
	}
	return breaches
}

// servedBreaches asks for tokens that may not be had.
func (k *kept) servedBreaches() (breaches []string) {
	k.Helper()
	var some []Connection
	if err := k.db.Read(k.Context()).Order("state DESC").Limit(served).Find(&some).Error; err != nil {
		k.Fatal(err)
	}
	for _, c := range some {
		if _, err := k.keeper.AccessToken(k.Context(), newID(), c.ID); err == nil {
			breaches = append(breaches, fmt.Sprintf("I4: another company gets the token of %s", c.ID))
		}
		if c.State != Disconnected && c.State != Pending {
			continue
		}
		if _, err := k.keeper.AccessToken(k.Context(), c.CompanyID, c.ID); err == nil {
			breaches = append(breaches, fmt.Sprintf("I5: %s is %s, and its token is served", c.ID, c.State))
		}
	}
	return breaches
}
