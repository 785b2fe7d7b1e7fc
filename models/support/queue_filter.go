package support

import (
	"net/url"
)

// ItemKind is what an item of the queue is about.
type ItemKind string

// The kinds of items.
const (
	// OurSideFailing is a problem on our side (see models.TaskOurSide).
	OurSideFailing ItemKind = "our_side"
	// TenantConflict is about two companies that want one tenant.
	TenantConflict ItemKind = "conflict"
	// SetupForUs is a guided setup in which it is our turn.
	SetupForUs ItemKind = "us"
	// SecretToReplace is a client secret that staff wanted to be reminded to replace.
	SecretToReplace ItemKind = "secret"
	// SecretToDelete is an old client secret that still works.
	SecretToDelete ItemKind = "delete_secret"
	// SetupForCompany is a guided setup in which it is the company's turn.
	SetupForCompany ItemKind = "them"
	// TenantToRemove is a tenant ID that our app no longer needs.
	TenantToRemove ItemKind = "remove_tenant"
	// UpgradeToAllow is a connection whose company has yet to accept a new version of the
	// app.
	UpgradeToAllow ItemKind = "upgrade"
)

// itemSource says where the items of a kind are stored.
type itemSource string

const (
	fromSetup   itemSource = "setup"
	fromTask    itemSource = "task"
	fromSecret  itemSource = "secret"
	fromUpgrade itemSource = "upgrade"
)

// itemKind is how the items of a kind are found. The items are rows i of a table, and at
// is the time since which an item waits.
type itemKind struct {
	kind                                  ItemKind
	source                                itemSource
	group                                 QueueGroup
	table, at, connection, company, where string
}

// unordered is the time of items that are found in the order of their IDs.
const unordered = "i.created_at"

// itemKinds has every kind. Of items that are due at the same time, those of an earlier
// kind come first. The last kind is never due.
var itemKinds = []itemKind{
	{OurSideFailing, fromTask, ByHand, "staff_tasks", "i.created_at", "i.connection_id", "i.company_id", "i.done_at IS NULL AND i.kind = 'our_side'"},
	{TenantConflict, fromTask, Conflicts, "staff_tasks", "i.created_at", "i.connection_id", "i.company_id", "i.done_at IS NULL AND i.kind = 'tenant_conflict'"},
	{SetupForUs, fromSetup, SetupsForUs, "setups", "i.since", "i.connection_id", "i.company_id", "i.closed_at IS NULL AND i.waits_for = 'us'"},
	{SecretToReplace, fromSecret, Secrets, "connections", "i.secret_reminder_at", "i.id", "i.company_id", "i.secret_reminder_at IS NOT NULL"},
	{SecretToDelete, fromTask, ByHand, "staff_tasks", "i.created_at", "i.connection_id", "i.company_id", "i.done_at IS NULL AND i.kind = 'delete_secret'"},
	{SetupForCompany, fromSetup, SetupsForCompanies, "setups", "i.since", "i.connection_id", "i.company_id", "i.closed_at IS NULL AND i.waits_for = 'company'"},
	{TenantToRemove, fromTask, ByHand, "staff_tasks", "i.created_at", "i.connection_id", "i.company_id", "i.done_at IS NULL AND i.kind = 'remove_tenant'"},
	{UpgradeToAllow, fromUpgrade, Upgrades, "connections", unordered, "i.id", "i.company_id", "i.upgrade_needed AND i.state IN ('connected', 'degraded')"},
}

// QueueGroup selects items of the queue by what there is to do.
type QueueGroup string

// The groups.
const (
	Conflicts          QueueGroup = "conflicts"
	SetupsForUs        QueueGroup = "us"
	ByHand             QueueGroup = "tasks"
	Secrets            QueueGroup = "secrets"
	Upgrades           QueueGroup = "upgrades"
	SetupsForCompanies QueueGroup = "them"
)

// QueueGroups returns every group, in the order in which pages list them.
func QueueGroups() []QueueGroup {
	return []QueueGroup{Conflicts, SetupsForUs, ByHand, Secrets, Upgrades, SetupsForCompanies}
}

// QueueView selects items of the queue by who works on them and when they are due.
type QueueView string

// The views. Only Snoozed has items that are put off.
const (
	Everything QueueView = ""
	Mine       QueueView = "mine"
	Unassigned QueueView = "unassigned"
	Late       QueueView = "late"
	Snoozed    QueueView = "snoozed"
)

// QueueViews returns every view, in the order in which pages list them.
func QueueViews() []QueueView { return []QueueView{Everything, Mine, Unassigned, Late, Snoozed} }

// QueueFilter selects items of the queue. An empty field selects all.
type QueueFilter struct {
	View  QueueView
	Group QueueGroup
}

// ParseQueueFilter reads the filter from the query of the queue's URL. It ignores unknown
// values.
func ParseQueueFilter(v url.Values) QueueFilter {
	return QueueFilter{View: offered(v.Get("view"), QueueViews()), Group: offered(v.Get("kind"), QueueGroups())}
}

// Values returns the filter as the query of the queue's URL.
func (f QueueFilter) Values() url.Values {
	v := url.Values{}
	if f.View != Everything {
		v.Set("view", string(f.View))
	}
	if f.Group != "" {
		v.Set("kind", string(f.Group))
	}
	return v
}

// kinds returns the places in itemKinds of the kinds that the filter selects.
func (f QueueFilter) kinds() []int {
	var picked []int
	for i, k := range itemKinds {
		_, hasDue := dueRules[k.kind]
		if (f.Group == "" || f.Group == k.group) && (f.View != Late || hasDue) {
			picked = append(picked, i)
		}
	}
	return picked
}
