package views

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// staffActions are the audited actions that no company sees.
var staffActions = []accounts.AuditAction{
	accounts.AuditStaffAdded, accounts.AuditLinkMade, accounts.AuditRoleChanged, accounts.AuditStaffRemoved, accounts.AuditFactorReset,
	accounts.AuditResetLink,
}

// Whoever adds an action gives it words, or says that no company sees it.
func TestEveryActionHasWords(t *testing.T) {
	actions := pagetest.Constants[accounts.AuditAction](t)
	if !slices.Contains(actions, connect.AuditAskMade) {
		t.Error("actions of other packages are not among them")
	}
	for _, action := range actions {
		w, ok := activityWords[action]
		if ok == slices.Contains(staffActions, action) || ok && (w.words == "" || w.icon == "") {
			t.Errorf("action %q has the words %q", action, w.words)
		}
		if _, drawn := glyphs[w.icon]; ok && !drawn {
			t.Errorf("no icon %q", w.icon)
		}
	}
	if got := ActivityWords(connect.Activity{Action: "from_the_future"}); got != "Changed something" {
		t.Errorf("an action that nobody knows reads %q", got)
	}
}

func TestActivityAbout(t *testing.T) {
	for want, a := range map[string]connect.Activity{
		"Northgate → Southgate":   {Action: accounts.AuditCompanyRenamed, Detail: "Northgate → Southgate"},
		"Central (Chicago)":       {Action: accounts.AuditTimeZoneChanged, Detail: "America/Chicago"},
		"Luis Ortega (owner)":     {Action: accounts.AuditMemberRole, ActorName: "Dana", TargetName: "Luis Ortega", Detail: "owner"},
		"Tenant 84219331":         {Action: connect.AuditAskMade, Detail: "84219331"},
		"Luis Ortega":             {Action: accounts.AuditIncidentMailsOn, ActorName: "Dana", TargetName: "Luis Ortega"},
		"Tenant 842193311":        {Action: connect.AuditAskUsed, ActorName: "Pat Lee (by a link from Dana)", Detail: "842193311"},
		"member":                  {Action: accounts.AuditJoined, ActorName: "Luis Ortega", TargetName: "Luis Ortega", Detail: "member"},
		"Northgate HQ (84219331)": {Event: &models.Event{Kind: models.EventTestPassed}, Connection: models.Connection{ID: uuid.Max, TenantName: "Northgate HQ", TenantID: 84219331}},
	} {
		if got := ActivityAbout(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
