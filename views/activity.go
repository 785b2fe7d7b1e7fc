package views

import (
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// activityWords says what people did in a company. An action without words is one
// that no company sees. TestEveryActionHasWords names those.
//
//exhaustive:ignore
var activityWords = map[accounts.AuditAction]struct{ icon, words string }{
	accounts.AuditCompanyAdded:        {"plus", "Added the company"},
	accounts.AuditCompanyRenamed:      {"pencil", "Renamed the company"},
	accounts.AuditTimeZoneChanged:     {"clock", "Changed the time zone"},
	accounts.AuditIncidentMailsOn:     {"mail", "Turned on emails about problems"},
	accounts.AuditIncidentMailsOff:    {"mail", "Turned off emails about problems"},
	accounts.AuditDeletionAsked:       {"trash", "Asked to delete the company"},
	accounts.AuditDeletionUndone:      {"ok", "Kept the company"},
	accounts.AuditCompanyDeleted:      {"trash", "The company was deleted"},
	connect.AuditAskMade:              {"send", "Asked a ServiceTitan admin to connect"},
	connect.AuditAskWithdrawn:         {"off", "Canceled the link for a ServiceTitan admin"},
	connect.AuditAskUsed:              {"bridge", "Did what the link asked for"},
	connect.AuditSessionMade:          {"key", "Created a link to connect ServiceTitan"},
	accounts.AuditInvited:             {"send", "Invited someone"},
	accounts.AuditInvitationResent:    {"send", "Sent an invitation again"},
	accounts.AuditInvitationWithdrawn: {"off", "Canceled an invitation"},
	accounts.AuditJoined:              {"users", "Joined the company"},
	accounts.AuditMemberRole:          {"users", "Changed a role"},
	accounts.AuditMemberRemoved:       {"users", "Removed someone"},
	accounts.AuditNameChanged:         {"user", "Changed their own name"},
	accounts.AuditEmailChanged:        {"mail", "Changed their own email address"},
	accounts.AuditPasswordChanged:     {"lock", "Changed their own password"},
	accounts.AuditSignedOut:           {"out", "Signed someone out everywhere"},
	accounts.AuditResetStarted:        {"key", "Sent someone a link to choose a password"},
	accounts.AuditMemberDisabled:      {"lock", "Took someone’s access away"},
	accounts.AuditMemberEnabled:       {"users", "Gave someone their access back"},
	accounts.AuditAddressReleased:     {"mail", "Lost an address that was not confirmed"},
	accounts.AuditMemberLeft:          {"out", "Left the company"},
	accounts.AuditKeyCreated:          {"key", "Created an API key"},
	accounts.AuditKeyChanged:          {"key", "Changed an API key"},
	accounts.AuditKeyRolled:           {"key", "Rolled an API key"},
	accounts.AuditKeyOldEnded:         {"key", "Ended the old secret of an API key"},
	accounts.AuditKeyRevoked:          {"off", "Revoked an API key"},
	accounts.AuditEndpointAdded:       {"plus", "Added a webhook endpoint"},
	accounts.AuditEndpointChanged:     {"pencil", "Changed a webhook endpoint"},
	accounts.AuditEndpointRemoved:     {"trash", "Removed a webhook endpoint"},
	accounts.AuditEndpointRotated:     {"key", "Replaced the secret of a webhook endpoint"},
	accounts.AuditEndpointResumed:     {"ok", "Resumed a webhook endpoint"},
	accounts.AuditEndpointReplayed:    {"send", "Sent webhook messages again"},
}

// ActivityWords returns what a person did, in a few words.
func ActivityWords(a connect.Activity) string {
	if a.Event != nil {
		return WordsOfEvent(a.Event.Kind).Title
	}
	if w, ok := activityWords[a.Action]; ok {
		return w.words
	}
	return "Changed something"
}

// activityReason says why an attempt to connect did not work; empty for anything else.
func activityReason(a connect.Activity) string {
	if a.Event == nil {
		return ""
	}
	return outcomes[a.Event.Outcome].event
}

// activityIcon returns the icon of what a person did.
func activityIcon(a connect.Activity) string {
	if a.Event != nil {
		return WordsOfEvent(a.Event.Kind).Icon
	}
	if w, ok := activityWords[a.Action]; ok {
		return w.icon
	}
	return "info"
}

// ActivityAbout says whom or what an activity is about: a person, an address, a
// value, or a connection. It is empty if the words say all.
func ActivityAbout(a connect.Activity) string {
	target := a.TargetName
	if target == a.ActorName {
		target = "" // people who join or leave are their own target
	}
	switch {
	case isAboutAsk(a.Action):
		return "Tenant " + a.Detail
	case a.Event != nil && a.Connection.ID != uuid.Nil:
		return NameOf(a.Connection) + " (" + strconv.FormatInt(a.Connection.TenantID, 10) + ")"
	case a.Event != nil:
		return ""
	case target != "" && a.Detail != "":
		return target + " (" + activityDetail(a) + ")"
	case target != "":
		return target
	}
	return activityDetail(a)
}

// isAboutAsk says whether an action is about a link for a ServiceTitan admin.
func isAboutAsk(action accounts.AuditAction) bool {
	return action == connect.AuditAskMade || action == connect.AuditAskWithdrawn || action == connect.AuditAskUsed
}

// activityDetail returns the detail in the words that pages use.
func activityDetail(a connect.Activity) string {
	//exhaustive:ignore
	switch a.Action {
	case accounts.AuditTimeZoneChanged:
		return zoneLabel(a.Detail)
	case connect.AuditAskMade, connect.AuditAskWithdrawn, connect.AuditAskUsed:
		return "Tenant " + a.Detail
	}
	return a.Detail
}

// CSVTime returns a time for a company's spreadsheet, in its zone and with the
// offset from UTC.
func (c Clock) CSVTime(t time.Time) string { return t.In(c.Zone).Format(time.RFC3339) }

// activityPath returns the address of a page of the activity, or of its export.
func activityPath(path string, about connect.ActivityAbout, before uuid.UUID) string {
	query := url.Values{}
	if about != connect.AboutAll {
		query.Set("about", string(about))
	}
	if before != uuid.Max {
		query.Set("before", before.String())
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
