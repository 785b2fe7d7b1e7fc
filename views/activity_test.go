package views

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
	accounts.AuditKeyCreated, accounts.AuditKeyRevoked, accounts.AuditResetLink,
}

// Whoever adds an action gives it words, or says that no company sees it.
func TestEveryActionHasWords(t *testing.T) {
	actions := pagetest.Constants[accounts.AuditAction](t)
	// Other packages have actions too.
	constant := regexp.MustCompile(`accounts\.AuditAction = "(\w+)"`)
	err := filepath.WalkDir("../models", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range constant.FindAllSubmatch(source, -1) {
			actions = append(actions, accounts.AuditAction(match[1]))
		}
		return err
	})
	if err != nil || len(actions) < 30 {
		t.Errorf("%d actions, %v", len(actions), err)
	}
	for _, action := range actions {
		w, ok := activityWords[action]
		if ok == slices.Contains(staffActions, action) || ok && (w.words == "" || w.icon == "") {
			t.Errorf("action %q has the words %q", action, w.words)
		}
		if _, err := glyph(w.icon); ok && err != nil {
			t.Error(err)
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
		"member":                  {Action: accounts.AuditJoined, ActorName: "Luis Ortega", TargetName: "Luis Ortega", Detail: "member"},
		"Northgate HQ (84219331)": {Event: &models.Event{Kind: models.EventTestPassed}, Connection: models.Connection{ID: uuid.Max, TenantName: "Northgate HQ", TenantID: 84219331}},
	} {
		if got := ActivityAbout(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
