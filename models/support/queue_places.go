package support

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// source returns where the item is stored.
func (i QueueItem) source() itemSource { return itemKinds[slices.IndexFunc(itemKinds, i.of)].source }

func (i QueueItem) of(k itemKind) bool { return k.kind == i.Kind }

// marked joins the mark of an item and the person who works on it.
func (k itemKind) marked() string {
	return k.table + " i LEFT JOIN queue_marks m ON m.source = '" + string(k.source) + "' AND m.item_id = i.id" +
		" LEFT JOIN users a ON a.id = m.assignee_id AND a.staff_role <> '' AND a.disabled_at IS NULL"
}

// selects adds the condition that an item of the kind is open and in a view. An item that
// changed since it was put off is put off no longer.
func (k itemKind) selects(q *query, view QueueView, staff accounts.Staff, now time.Time) {
	q.add(" WHERE " + k.where)
	if k.kind == SecretToReplace {
		q.add(" AND "+k.at+" <= ?", now)
	}
	if view == Snoozed {
		q.add(" AND m.snoozed_until > ? AND m.snoozed_at >= "+k.at, now)
		return
	}
	q.add(" AND (m.snoozed_until IS NULL OR m.snoozed_until <= ? OR m.snoozed_at < "+k.at+")", now)
	switch view {
	case Mine:
		q.add(" AND m.assignee_id = ?", staff.UserID)
	case Unassigned:
		q.add(" AND a.id IS NULL")
	case Late:
		q.add(" AND "+k.at+" <= ?", k.kind.lastDue(now))
	case Everything, Snoozed:
	}
}

// itemPlace is the place of an item in the queue, with its mark.
type itemPlace struct {
	Rank         int
	ItemID       uuid.UUID
	ConnectionID uuid.UUID
	At           time.Time
	SnoozedAt    *time.Time
	Mark
}

func (p itemPlace) kind() ItemKind { return itemKinds[p.Rank].kind }

// compare sorts places by when they are due, then by kind, time, and ID.
func (p itemPlace) compare(o itemPlace) int {
	due, ok := p.kind().due(p.At)
	other, okOther := o.kind().due(o.At)
	if ok != okOther {
		return cmp.Compare(p.Rank, o.Rank)
	}
	if ok {
		if c := cmp.Or(due.Compare(other), cmp.Compare(p.Rank, o.Rank), p.At.Compare(o.At)); c != 0 {
			return c
		}
	}
	return slices.Compare(p.ItemID[:], o.ItemID[:])
}

// queuePlaces returns the items of a page with their places and marks.
func queuePlaces(db *gorm.DB, staff accounts.Staff, f QueueFilter, at Cursor, now time.Time, limit int) (page QueuePage, err error) {
	var pieces []query
	for _, rank := range f.kinds() {
		if q := itemPiece(rank, f.View, staff, at, now, limit); q.sql != "" {
			pieces = append(pieces, q)
		}
	}
	var q query
	for i, piece := range pieces {
		if i > 0 {
			q.add(" UNION ALL ")
		}
		q.add("SELECT * FROM ("+piece.sql+") AS piece"+fmt.Sprint(i), piece.args...)
	}
	if len(pieces) == 0 {
		return page, nil
	}
	var places []itemPlace
	if err := db.Raw(q.sql, q.args...).Scan(&places).Error; err != nil {
		return page, fmt.Errorf("list queue: %w", err)
	}
	slices.SortFunc(places, itemPlace.compare)
	if at.Back {
		slices.Reverse(places)
	}
	more := len(places) > limit
	places = places[:min(len(places), limit)]
	if at.Back {
		slices.Reverse(places)
	}
	if len(places) == 0 {
		return page, nil
	}
	first, last := places[0], places[len(places)-1]
	if at != (Cursor{}) && (more || !at.Back) {
		page.Before = Cursor{Back: true, Rank: first.Rank, At: first.At, ID: first.ItemID}
	}
	if more || at.Back {
		page.After = Cursor{Rank: last.Rank, At: last.At, ID: last.ItemID}
	}
	for _, p := range places {
		page.Items = append(page.Items, p.item(now))
	}
	return page, nil
}

// item returns the item at a place.
func (p itemPlace) item(now time.Time) QueueItem {
	item := QueueItem{Kind: p.kind(), ID: p.ItemID, Since: p.At, Mark: p.Mark}
	item.Connection.ID = p.ConnectionID
	if due, ok := item.Kind.due(p.At); ok {
		item.Due = &due
	}
	if until := p.SnoozedUntil; until != nil && (!until.After(now) || p.SnoozedAt.Before(p.At)) {
		item.Mark.SnoozedUntil, item.Mark.SnoozeReason = nil, ""
	}
	return item
}

// itemPiece returns a query for the first items of a kind behind a cursor, or before it. An
// index has the items in order. The query is empty if there can be none.
func itemPiece(rank int, view QueueView, staff accounts.Staff, at Cursor, now time.Time, limit int) query {
	k := itemKinds[rank]
	than, way := ">", "ASC"
	if at.Back {
		than, way = "<", "DESC"
	}
	var q query
	q.add(fmt.Sprintf(`SELECT %d AS rank, i.id AS item_id, %s AS connection_id, %s AS at, coalesce(m.version, 0) AS version,
			a.id AS assignee_id, coalesce(a.name, '') AS assignee_name,
			m.snoozed_at, m.snoozed_until, coalesce(m.snooze_reason, '') AS snooze_reason
		FROM %s`, rank, k.connection, k.at, k.marked()))
	k.selects(&q, view, staff, now)
	_, hasDue := dueRules[k.kind]
	switch {
	case at == (Cursor{}):
	case rank == at.Rank && !hasDue:
		q.add(" AND i.id "+than+" ?", at.ID)
	case rank == at.Rank:
		q.add(" AND ("+k.at+", i.id) "+than+" (?, ?)", at.At, at.ID)
	default:
		_, cursorDue := dueRules[itemKinds[at.Rank].kind]
		switch {
		case !hasDue && at.Back, !cursorDue && !at.Back:
			return query{}
		case !hasDue || !cursorDue:
		default:
			q.behind(k, rank, at)
		}
	}
	order := k.at + " " + way + ", i.id " + way
	if !hasDue {
		order = "i.id " + way
	}
	q.add(" ORDER BY " + order + fmt.Sprintf(" LIMIT %d", limit+1))
	return q
}

// behind adds the condition that an item of another kind than the cursor's is due after the
// cursor, or before it.
func (q *query) behind(k itemKind, rank int, at Cursor) {
	due, _ := itemKinds[at.Rank].kind.due(at.At)
	// An earlier kind comes first if it is due at the same time.
	if rank > at.Rank {
		due = due.Add(-time.Microsecond)
	}
	than := ">"
	if at.Back {
		than = "<="
	}
	q.add(" AND "+k.at+" "+than+" ?", k.kind.lastDue(due))
}

// QueueCounts counts the items of the queue that are not put off, by view and by group. The
// views count the items of the group that was asked for, or of all groups.
// Each count stops at CountedUpTo.
type QueueCounts struct {
	Everything, Mine, Unassigned, Late, Snoozed               int
	Conflicts, ForUs, ByHand, Secrets, Upgrades, ForCompanies int
}

// In returns the number of items in a view.
func (c QueueCounts) In(view QueueView) int {
	return map[QueueView]int{Everything: c.Everything, Mine: c.Mine, Unassigned: c.Unassigned, Late: c.Late, Snoozed: c.Snoozed}[view]
}

// Of returns the number of items in a group.
func (c QueueCounts) Of(group QueueGroup) int {
	return map[QueueGroup]int{
		Conflicts: c.Conflicts, SetupsForUs: c.ForUs, ByHand: c.ByHand, Secrets: c.Secrets, Upgrades: c.Upgrades, SetupsForCompanies: c.ForCompanies,
	}[group]
}

// countQueue counts the queue, and in its views only the items of a group unless it is empty.
func countQueue(db *gorm.DB, staff accounts.Staff, group QueueGroup, now time.Time) (c QueueCounts, err error) {
	var q query
	q.counts(staff, group, now)
	if err := db.Raw("SELECT "+q.sql, q.args...).Scan(&c).Error; err != nil {
		return c, fmt.Errorf("count queue: %w", err)
	}
	return c, nil
}

// counts adds the columns of QueueCounts.
func (q *query) counts(staff accounts.Staff, group QueueGroup, now time.Time) {
	counted := func(as string, f QueueFilter) {
		if len(q.args) > 0 {
			q.add(", ")
		}
		kinds := f.kinds()
		if len(kinds) == 0 {
			q.add("0 AS " + as)
			return
		}
		q.add("(SELECT count(*) FROM (")
		for i, rank := range kinds {
			if i > 0 {
				q.add(" UNION ALL ")
			}
			q.add("SELECT 1 FROM " + itemKinds[rank].marked())
			itemKinds[rank].selects(q, f.View, staff, now)
		}
		q.add(fmt.Sprintf(" LIMIT %d) AS %s_found) AS %s", CountedUpTo, as, as))
	}
	counted("everything", QueueFilter{Group: group})
	counted("mine", QueueFilter{View: Mine, Group: group})
	counted("unassigned", QueueFilter{View: Unassigned, Group: group})
	counted("late", QueueFilter{View: Late, Group: group})
	counted("snoozed", QueueFilter{View: Snoozed, Group: group})
	counted("conflicts", QueueFilter{Group: Conflicts})
	counted("for_us", QueueFilter{Group: SetupsForUs})
	counted("by_hand", QueueFilter{Group: ByHand})
	counted("secrets", QueueFilter{Group: Secrets})
	counted("upgrades", QueueFilter{Group: Upgrades})
	counted("for_companies", QueueFilter{Group: SetupsForCompanies})
}
