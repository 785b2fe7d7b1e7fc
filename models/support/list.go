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

// ListedConnection is a connection in a list of all companies' connections.
type ListedConnection struct {
	models.Connection
	CompanyName string
	// CompanyLockedAt is nil unless the company is locked.
	CompanyLockedAt *time.Time
}

// ConnectionPage is a page of a list. Before and After lead to the pages around it;
// they are zero where there is none.
type ConnectionPage struct {
	Connections []ListedConnection
	Before      Cursor
	After       Cursor
	// Totals count all connections, not only those that the filter selects.
	Totals Totals
	// Companies are some of the companies that a search found by name or by a
	// member's email address, with or without connections. NothingConnected says that
	// none of them has any.
	Companies        []FoundCompany
	NothingConnected bool
	// Suggestion is another search to offer if a search by name found nothing.
	Suggestion Suggestion
}

// FoundCompany is a company that a search found.
type FoundCompany struct {
	ID   uuid.UUID
	Name string
}

// ConnectionsShown is the most connections on a page of the staff list.
const ConnectionsShown = 50

// Browse returns the page of the list of all connections at a cursor.
func (s *Support) Browse(ctx context.Context, f ConnectionFilter, at Cursor) (ConnectionPage, error) {
	return s.browse(ctx, f, at, ConnectionsShown)
}

// Each calls do with every connection of the list, in order and a page at a time, so
// that only a page is in memory. In the orders ByCompany and NewestFirst, it passes
// each connection once. In other orders, it may pass a connection whose state changes
// meanwhile twice or not at all.
func (s *Support) Each(ctx context.Context, f ConnectionFilter, do func([]ListedConnection) error) error {
	const atOnce = 1000
	at := Cursor{}
	for {
		within, cancel := s.db.LimitPart(ctx)
		page, err := s.browse(within, f, at, atOnce)
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

func (s *Support) browse(ctx context.Context, f ConnectionFilter, at Cursor, limit int) (ConnectionPage, error) {
	db := s.db.Read(ctx)
	totals, err := readTotals(db)
	if err != nil {
		return ConnectionPage{}, err
	}
	now := s.db.Now()
	var page ConnectionPage
	switch {
	case f.Query != "":
		page, err = search(db, f, at, now, limit)
	case f.Status == Overdue:
		page, err = cut(db, overdue(s.keeper, f, at, now, limit), at, limit)
	default:
		page, err = list(db, totals.picked(f), f, at, now, limit)
	}
	page.Totals = totals
	return page, err
}

// query is an SQL query with its arguments.
type query struct {
	sql  string
	args []any
}

func (q *query) add(sql string, args ...any) {
	q.sql += sql
	q.args = append(q.args, args...)
}

// place is a connection of a list, with the columns by which the list is sorted and
// the number of the piece that it comes from.
type place struct {
	ID    uuid.UUID
	Rank  int
	At    time.Time
	Key   string
	Piece int
}

// union returns a query that merges the beginnings of sorted pieces. Its cost does
// not depend on how long the pieces are. Without pieces, the query is empty.
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

// columns has the column by which each order sorts before the ID.
var columns = map[Order]string{
	AttentionFirst: "state_since", LongestFirst: "state_since", LatestFirst: "state_since", ByCompany: "company_key", NewestFirst: "",
}

// list returns a page of the connections of some kinds.
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

// nearest returns the kinds that probably fill a page of AttentionFirst: those of the
// rank at which the page begins or, for the first page, of the first ranks.
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

// readKinds reads the places of a page. It first reads as many places of each kind as
// the kind's share of all connections makes likely. If the page uses all the places
// that were read of one kind, there may be more of that kind, and readKinds reads
// again without that guess.
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
	// likelyRead is the least number of places that are read of a kind, and
	// likelyMore is by how much its share of the page is multiplied.
	likelyRead = 6
	likelyMore = 2
)

// listed returns a query for the places of a page, and for one more if the list
// continues. Each kind is a piece that an index has in order. Limits says how many
// places are read of each kind.
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

// lateAfter is how long a renewal has to be due before it counts as late.
const lateAfter = 2 * time.Minute

// overdue returns a query for the places of connections whose renewal is late, the
// longest overdue first.
func overdue(k *keeper.Keeper, f ConnectionFilter, at Cursor, now time.Time, limit int) query {
	than, way := ">", "ASC"
	if at.Back {
		than, way = "<", "DESC"
	}
	var pieces []query
	for _, lane := range k.Lanes() {
		if f.Environment != "" && f.Environment != lane.Environment {
			continue
		}
		var q query
		q.add(`SELECT r.connection_id AS id, 0 AS rank, r.due_at AS at, '' AS key FROM credentials r JOIN connections o ON o.id = r.connection_id
			WHERE r.environment = ? AND r.own_client = ? AND r.due_at <= ?`, lane.Environment, lane.OwnClient, now.Add(-lateAfter))
		q.narrow(f, now)
		if at != (Cursor{}) {
			q.add(" AND (r.due_at, r.connection_id) "+than+" (?, ?)", at.At, at.ID)
		}
		q.add(fmt.Sprintf(" ORDER BY r.due_at %s, r.connection_id %s LIMIT %d", way, way, limit+1))
		pieces = append(pieces, q)
	}
	return union(pieces, "at "+way+", id "+way, limit+1)
}

// narrow adds the conditions of a filter to a query that selects connections as o.
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

// cut returns the page of the places that a query selects.
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

// pageOf returns the page of some places. If there is one more place than the limit,
// the list continues.
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

// fetch reads the connections of some places, in the same order.
func fetch(db *gorm.DB, places []place) ([]ListedConnection, error) {
	ids := make([]uuid.UUID, len(places))
	order := make(map[uuid.UUID]int, len(places))
	for i, p := range places {
		ids[i], order[p.ID] = p.ID, i
	}
	var connections []ListedConnection
	err := db.Raw("SELECT o.*, c.name AS company_name, c.locked_at AS company_locked_at FROM connections o JOIN companies c ON c.id = o.company_id WHERE o.id IN ?", ids).Scan(&connections).Error
	if err != nil {
		return nil, fmt.Errorf("read listed connections: %w", err)
	}
	slices.SortFunc(connections, func(a, b ListedConnection) int { return order[a.ID] - order[b.ID] })
	return connections, nil
}
