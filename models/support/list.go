package support

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

// ListedConnection is a connection as lists of all companies have it.
type ListedConnection struct {
	models.Connection
	CompanyName string
	// CompanyLockedAt is nil unless the company is kept out.
	CompanyLockedAt *time.Time
}

// ConnectionPage is a part of a list, and the places before and after it; zero
// where there is nothing more.
type ConnectionPage struct {
	Connections []ListedConnection
	Before      Cursor
	After       Cursor
	// Totals are those of all connections.
	Totals Totals
	// Companies are some whose name or member was searched for, with or without
	// connections. NothingConnected says that none of them has any.
	Companies        []FoundCompany
	NothingConnected bool
	// Suggestion is what to search for instead, if nothing was found by a name.
	Suggestion Suggestion
}

// FoundCompany is a company that a search finds.
type FoundCompany struct {
	ID   uuid.UUID
	Name string
}

// ConnectionsShown is how many connections a page of the staff list has.
const ConnectionsShown = 50

// Browse is the part of the list of all connections that comes at the cursor.
func (d *Support) Browse(ctx context.Context, f ConnectionFilter, at Cursor) (ConnectionPage, error) {
	return d.browse(ctx, f, at, ConnectionsShown)
}

// Each hands every connection of the list over, in order, a page at a time, so
// that however many there are, few are in memory. Sorted by what never changes,
// as ByCompany and NewestFirst are, each comes once; in another order, one that
// changes meanwhile may come twice or not at all.
func (d *Support) Each(ctx context.Context, f ConnectionFilter, do func([]ListedConnection) error) error {
	const atOnce = 1000
	at := Cursor{}
	for {
		within, cancel := d.db.LimitPart(ctx)
		page, err := d.browse(within, f, at, atOnce)
		cancel()
		if err != nil {
			return err
		}
		if err := do(page.Connections); err != nil || page.After == (Cursor{}) {
			return err
		}
		at = page.After
	}
}

func (d *Support) browse(ctx context.Context, f ConnectionFilter, at Cursor, limit int) (ConnectionPage, error) {
	db := d.db.Read(ctx)
	totals, err := readTotals(db)
	if err != nil {
		return ConnectionPage{}, err
	}
	now := d.db.Now()
	var page ConnectionPage
	switch {
	case f.Query != "":
		page, err = search(db, f, at, now, limit)
	case f.Status == Overdue:
		page, err = cut(db, overdue(d.keeper, f, at, now, limit), at, limit)
	default:
		page, err = list(db, totals.picked(f), f, at, now, limit)
	}
	page.Totals = totals
	return page, err
}

// query is SQL with its arguments.
type query struct {
	sql  string
	args []any
}

func (q *query) add(sql string, args ...any) {
	q.sql += sql
	q.args = append(q.args, args...)
}

// place is a connection of a list with its sorting columns, and the piece of the
// list that it is from.
type place struct {
	ID    uuid.UUID
	Rank  int
	At    time.Time
	Key   string
	Piece int
}

// union reads the beginnings of several ordered pieces and merges them, so that
// the work does not grow with the pieces' length. It is empty without pieces.
func union(pieces []query, order string, limit int) query {
	var q query
	for i, piece := range pieces {
		if i > 0 {
			q.add(" UNION ALL ")
		}
		q.add("SELECT * FROM ("+piece.sql+") AS piece"+fmt.Sprint(i), piece.args...)
	}
	if len(pieces) > 0 {
		q.sql = "SELECT * FROM (" + q.sql + ") AS pieces ORDER BY " + order + fmt.Sprintf(" LIMIT %d", limit)
	}
	return q
}

// columns are what a list is sorted by before the ID.
var columns = map[Order]string{
	AttentionFirst: "state_since", LongestFirst: "state_since", LatestFirst: "state_since", ByCompany: "company_key", NewestFirst: "",
}

// list is a page of the kinds.
func list(db *gorm.DB, kinds Totals, f ConnectionFilter, at Cursor, now time.Time, limit int) (ConnectionPage, error) {
	likely := kinds
	if f.sorted() == AttentionFirst {
		likely = nearest(kinds, at, limit)
	}
	places, err := readKinds(db, likely, f, at, now, limit)
	if err == nil && len(places) <= limit && len(likely) < len(kinds) {
		places, err = readKinds(db, kinds, f, at, now, limit)
	}
	if err != nil {
		return ConnectionPage{}, err
	}
	return pageOf(db, places, at, limit)
}

// nearest are the kinds that probably fill a page of AttentionFirst: those of
// the rank where the page begins, or of the first ones.
func nearest(kinds Totals, at Cursor, limit int) Totals {
	n, rank := int64(0), 0
	var near Totals
	for _, kind := range slices.SortedStableFunc(slices.Values(kinds), func(a, b Total) int { return ranks[a.State] - ranks[b.State] }) {
		switch {
		case at != (Cursor{}):
			if ranks[kind.State] == at.Rank {
				near = append(near, kind)
			}
		case n <= int64(limit) || ranks[kind.State] == rank:
			near, n, rank = append(near, kind), n+kind.N, ranks[kind.State]
		}
	}
	return near
}

// readKinds reads places of the kinds. Of each as much is read as its share of
// them all makes likely; if the page needs the whole of what was read of one,
// there may be more, and all is read again.
func readKinds(db *gorm.DB, kinds Totals, f ConnectionFilter, at Cursor, now time.Time, limit int) ([]place, error) {
	all := kinds.Sum(ConnectionFilter{})
	likely := make([]int, len(kinds))
	for i, kind := range kinds {
		likely[i] = min(limit+1, likelyRead+int(likelyMore*int64(limit)*kind.N/all))
	}
	places, err := read(db, listed(kinds, likely, f, at, now, limit))
	if err != nil {
		return nil, err
	}
	used := make([]int, len(kinds))
	for _, p := range places {
		if used[p.Piece]++; used[p.Piece] == likely[p.Piece] && likely[p.Piece] <= limit {
			return read(db, listed(kinds, slices.Repeat([]int{limit + 1}, len(kinds)), f, at, now, limit))
		}
	}
	return places, nil
}

const (
	// likelyRead and likelyMore are how much is read of each kind: so many at
	// least, and so many times its share.
	likelyRead = 6
	likelyMore = 2
)

// listed are the places of the list from the cursor on, one more than the limit
// if there are so many. Each kind is a piece that an index has in order; limits
// has how much is read of each.
func listed(kinds Totals, limits []int, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	order := f.sorted()
	falling := (order == LatestFirst || order == NewestFirst) != at.Back
	than, way := ">", "ASC"
	if falling {
		than, way = "<", "DESC"
	}
	column := columns[order]
	names := map[string]string{"state_since": "state_since AS at, '' AS key", "company_key": "company_key AS key", "": "'' AS key"}[column]
	sorted, ends := "id "+way, "id "+way
	if column != "" {
		sorted = column + " " + way + ", " + sorted
		ends = map[string]string{"state_since": "at ", "company_key": "key "}[column] + way + ", " + ends
	}
	if order == AttentionFirst {
		ends = "rank " + way + ", " + ends
	}
	var pieces []query
	for i, kind := range kinds {
		rank := ranks[kind.State]
		if order != AttentionFirst {
			rank = 0
		}
		begun := at != (Cursor{})
		if begun && rank != at.Rank {
			if (rank < at.Rank) != at.Back {
				continue // the whole piece comes before the cursor
			}
			begun = false
		}
		var q query
		q.add(fmt.Sprintf("SELECT id, %d AS rank, %s, %d AS piece FROM connections WHERE environment = ? AND state = ? AND reason = ? AND way = ?", rank, names, i),
			kind.Environment, kind.State, kind.Reason, kind.Way)
		if f.Age != noAge {
			q.add(" AND state_since <= ?", now.Add(-ages[f.Age]))
		}
		switch {
		case begun && column == "":
			q.add(" AND id "+than+" ?", at.ID)
		case begun && column == "company_key":
			q.add(" AND (company_key, id) "+than+" (?, ?)", at.Key, at.ID)
		case begun:
			q.add(" AND (state_since, id) "+than+" (?, ?)", at.At, at.ID)
		}
		q.add(fmt.Sprintf(" ORDER BY %s LIMIT %d", sorted, limits[i]))
		pieces = append(pieces, q)
	}
	return union(pieces, ends, limit+1)
}

// lateAfter is for how long a renewal has been due when it counts as late.
const lateAfter = 2 * time.Minute

// overdue are the places of the connections whose renewal is late, the longest
// first.
func overdue(k *keeper.Keeper, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	than, way := ">", "ASC"
	if at.Back {
		than, way = "<", "DESC"
	}
	var pieces []query
	for _, gate := range k.Lanes() {
		if f.Environment != "" && f.Environment != gate.Environment {
			continue
		}
		var q query
		q.add(`SELECT r.connection_id AS id, 0 AS rank, r.due_at AS at, '' AS key FROM credentials r JOIN connections o ON o.id = r.connection_id
			WHERE r.environment = ? AND r.own_client = ? AND r.due_at <= ?`, gate.Environment, gate.OwnClient, now.Add(-lateAfter))
		q.narrow(f, now)
		if at != (Cursor{}) {
			q.add(" AND (r.due_at, r.connection_id) "+than+" (?, ?)", at.At, at.ID)
		}
		q.add(fmt.Sprintf(" ORDER BY r.due_at %s, r.connection_id %s LIMIT %d", way, way, limit+1))
		pieces = append(pieces, q)
	}
	return union(pieces, "at "+way+", id "+way, limit+1)
}

// narrow adds what the filter says of a connection o that is found by something
// else.
func (q *query) narrow(f ConnectionFilter, now time.Time) {
	switch f.Status {
	case "", Overdue:
	case NeedsAttention:
		q.add(" AND o.state IN (?, ?)", models.ReconnectNeeded, models.Degraded)
	default:
		q.add(" AND o.state = ?", f.Status)
	}
	if f.Environment != "" {
		q.add(" AND o.environment = ?", f.Environment)
	}
	if f.Way != "" {
		q.add(" AND o.way = ?", f.Way)
	}
	if f.Reason != "" {
		q.add(" AND o.reason = ?", f.Reason)
	}
	if f.Age != noAge {
		q.add(" AND o.state_since <= ?", now.Add(-ages[f.Age]))
	}
}

// cut runs a query for places and makes a page of them.
func cut(db *gorm.DB, q query, at Cursor, limit int) (ConnectionPage, error) {
	places, err := read(db, q)
	if err != nil {
		return ConnectionPage{}, err
	}
	return pageOf(db, places, at, limit)
}

func read(db *gorm.DB, q query) ([]place, error) {
	var places []place
	if q.sql == "" {
		return nil, nil
	}
	if err := db.Raw(q.sql, q.args...).Scan(&places).Error; err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return places, nil
}

// pageOf makes a page of places, of which one more than the limit says that
// there are more.
func pageOf(db *gorm.DB, places []place, at Cursor, limit int) (ConnectionPage, error) {
	more := len(places) > limit
	if more {
		places = places[:limit]
	}
	if at.Back {
		slices.Reverse(places)
	}
	page := ConnectionPage{}
	if len(places) == 0 {
		return page, nil
	}
	first, last := places[0], places[len(places)-1]
	if at != (Cursor{}) && (more || !at.Back) {
		page.Before = Cursor{Back: true, Rank: first.Rank, At: first.At, Key: first.Key, ID: first.ID}
	}
	if more || at.Back {
		page.After = Cursor{Rank: last.Rank, At: last.At, Key: last.Key, ID: last.ID}
	}
	var err error
	page.Connections, err = fetch(db, places)
	return page, err
}

// fetch reads the connections of places, in their order.
func fetch(db *gorm.DB, places []place) ([]ListedConnection, error) {
	ids := make([]uuid.UUID, len(places))
	order := make(map[uuid.UUID]int, len(places))
	for i, p := range places {
		ids[i], order[p.ID] = p.ID, i
	}
	var list []ListedConnection
	err := db.Raw("SELECT o.*, c.name AS company_name, c.locked_at AS company_locked_at FROM connections o JOIN companies c ON c.id = o.company_id WHERE o.id IN ?", ids).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("read listed connections: %w", err)
	}
	slices.SortFunc(list, func(a, b ListedConnection) int { return order[a.ID] - order[b.ID] })
	return list, nil
}
