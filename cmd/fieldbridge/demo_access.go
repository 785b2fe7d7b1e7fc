package main

import (
	"net/http"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// standingAccess brings the sandbox into the state that belongs to a connection, and
// returns the connection's access.
func standingAccess(s *sandbox.Sandbox, of demo.StandingAccess) (servicetitan.Tokens, servicetitan.OwnClient, error) {
	none := func(err error) (servicetitan.Tokens, servicetitan.OwnClient, error) {
		return servicetitan.Tokens{}, servicetitan.OwnClient{}, err
	}
	if of.State == models.Pending {
		return none(standingSetup(s, of))
	}
	var given sandbox.Given
	var err error
	if of.UpgradeNeeded {
		if _, err = s.GiveClient(of.TenantID); err == nil {
			_, err = s.OfferVersion(of.TenantID)
		}
		if err != nil {
			return none(err)
		}
	}
	if of.Way == servicetitan.SignIn {
		given = s.GiveAccess(of.TenantID)
	} else if given, err = s.GiveClient(of.TenantID); err != nil {
		return none(err)
	}
	if err := standingTrouble(s, of); err != nil {
		return none(err)
	}
	tokens := servicetitan.Tokens{
		Access: secret.New(given.AccessToken), Refresh: secret.New(given.RefreshToken),
		ExpiresAt: given.ExpiresAt, Scopes: given.Scopes, TenantID: of.TenantID,
	}
	return tokens, servicetitan.OwnClient{ID: given.ClientID, Secret: secret.New(given.ClientSecret)}, nil
}

// standingSetup does at the sandbox what the steps of a setup have done so far.
func standingSetup(s *sandbox.Sandbox, of demo.StandingAccess) error {
	if of.Step == models.StepAddTenant {
		return nil
	}
	err := s.AddTenant(of.TenantID)
	if err == nil && of.Step == models.StepEnterCredentials {
		err = s.Allow(of.TenantID)
	}
	return err
}

// standingTrouble makes the connection's problem persist. A connection that signed in
// has a grant, and no client of the tenant's own.
func standingTrouble(s *sandbox.Sandbox, of demo.StandingAccess) error {
	fault := sandbox.Fault{Path: sandbox.PathToken, TenantID: of.TenantID}
	switch signedIn := of.Way == servicetitan.SignIn; {
	case of.Reason == models.ReasonNone || of.Reason == models.ReasonSealBroken:
		return nil
	case of.Reason == models.ReasonUnavailable:
		fault.Kind = sandbox.Status503
	case of.Reason == models.ReasonRateLimited:
		fault.Kind = sandbox.Status429
	case of.Reason == models.ReasonOurSide && signedIn:
		return nil // a refused registration would stop all connections
	case of.Reason == models.ReasonOurSide:
		fault.Kind, fault.Status, fault.ContentType, fault.Body = sandbox.CustomToken, http.StatusBadRequest, "application/json", `{"error":"invalid_scope"}`
	case of.Reason == models.ReasonNotAllowed && signedIn:
		s.RevokeGrants(of.TenantID)
		return nil
	case of.Reason == models.ReasonNotAllowed:
		return s.Disable(of.TenantID)
	case of.Reason == models.ReasonClientRefused && !signedIn:
		return s.DeleteSecret(of.TenantID, 1)
	default:
		s.EndGrants(of.TenantID)
		return nil
	}
	_, err := s.PlanFault(fault)
	return err
}
