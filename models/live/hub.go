package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

// Options are the limits of a hub. A zero value stands for the usual one.
type Options struct {
	// Every is how often the database is asked what has changed.
	Every time.Duration
	// Life is about how long a page is told. Then it asks again.
	Life time.Duration
	// PerPerson and InAll limit how many pages are told at a time.
	PerPerson, InAll int
}

const (
	usualEvery = 2 * time.Second
	usualLife  = 10 * time.Minute
	// usualPerPerson leaves room in the browser: with HTTP/1.1, it opens at most six
	// connections to a host, and an open page holds one of them.
	usualPerPerson = 4
	usualInAll     = 1000
	// longestLook is how long a database that does not answer is waited for.
	longestLook = 10 * time.Second
)

var (
	// ErrTooMany says that the person has as many open pages as may be told.
	ErrTooMany = errors.New("too many open pages of one person")
	// ErrFull says that this instance tells no more pages, or that it is stopping.
	ErrFull = errors.New("no room for another open page")
)

// Hub tells open pages when a connection has changed. However many pages are open, it
// makes two queries each time: one for all connections and one for all sessions. Its
// methods are safe for concurrent use.
type Hub struct {
	db       *database.DB
	sessions *accounts.Sessions
	options  Options
	log      *slog.Logger

	mu        sync.Mutex
	watches   map[*Watch]bool
	perPerson map[uuid.UUID]int
	stopped   bool
}

// New returns a hub that tells nothing until it runs.
func New(db *database.DB, sessions *accounts.Sessions, o Options, log *slog.Logger) *Hub {
	orElse(&o.Every, usualEvery)
	orElse(&o.Life, usualLife)
	orElse(&o.PerPerson, usualPerPerson)
	orElse(&o.InAll, usualInAll)
	return &Hub{db: db, sessions: sessions, options: o, log: log, watches: map[*Watch]bool{}, perPerson: map[uuid.UUID]int{}}
}

// orElse sets a value that is zero.
func orElse[T comparable](value *T, usual T) {
	var zero T
	if *value == zero {
		*value = usual
	}
}

// Watch is an open page that is told when its connection changes.
type Watch struct {
	page         accounts.OpenPage
	connectionID uuid.UUID
	hub          *Hub
	versions     chan string
	ended        chan struct{}
	// told is the version that was told last. Only the hub's loop uses it.
	told string
	// life ends the watch when the page is to ask again.
	life *time.Timer
}

// Versions has the newest version of the connection after each change, and first the
// current one.
func (w *Watch) Versions() <-chan string { return w.versions }

// Ended is closed when the page may no longer be told, or is to ask again.
func (w *Watch) Ended() <-chan struct{} { return w.ended }

// Close ends the watch. It may have ended already.
func (w *Watch) Close() { w.hub.end(w) }

// tell makes a version the next one that the page gets, if it is a new one.
func (w *Watch) tell(version string) {
	if version == w.told {
		return
	}
	select {
	case <-w.versions: // an older one that nobody has taken yet
	default:
	}
	w.versions <- version
	w.told = version
}

// Watch begins to tell a page of a connection. It returns ErrNotFound if the page's
// company does not have the connection, ErrTooMany, or ErrFull.
func (h *Hub) Watch(ctx context.Context, page accounts.OpenPage, connectionID uuid.UUID) (*Watch, error) {
	found, err := versions(ctx, h.db, []uuid.UUID{connectionID})
	if err != nil {
		return nil, err
	}
	version, ok := found[connectionID].of(page)
	if !ok {
		return nil, database.ErrNotFound
	}
	w := &Watch{page: page, connectionID: connectionID, hub: h, versions: make(chan string, 1), ended: make(chan struct{})}
	w.tell(version)
	if err := h.begin(w); err != nil {
		return nil, err
	}
	return w, nil
}

// of returns the version for the readers of a page. It returns false if they may not
// see the connection, or if there is none.
func (c current) of(page accounts.OpenPage) (string, bool) {
	switch {
	case c.companyID == uuid.Nil, page.CompanyID != uuid.Nil && page.CompanyID != c.companyID:
		return "", false
	case page.CompanyID == uuid.Nil:
		return c.ofStaff, true
	}
	return c.ofCompany, true
}

// begin adds a watch, if there is room.
func (h *Hub) begin(w *Watch) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped || len(h.watches) >= h.options.InAll:
		return ErrFull
	case h.perPerson[w.page.UserID] >= h.options.PerPerson:
		return ErrTooMany
	}
	h.watches[w] = true
	h.perPerson[w.page.UserID]++
	// Pages that were opened together do not ask again together.
	life := h.options.Life - h.options.Life/20 + retry.Spread(h.options.Life/10)
	w.life = time.AfterFunc(life, w.Close)
	return nil
}

// end removes a watch, unless it has ended already.
func (h *Hub) end(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.watches[w] {
		return
	}
	delete(h.watches, w)
	w.life.Stop()
	if h.perPerson[w.page.UserID]--; h.perPerson[w.page.UserID] == 0 {
		delete(h.perPerson, w.page.UserID)
	}
	close(w.ended)
}

// Run tells pages until the context ends. Then it ends all watches, and begins none.
func (h *Hub) Run(ctx context.Context) {
	for range retry.Every(ctx, h.options.Every) {
		if err := h.look(ctx, h.all()); err != nil && ctx.Err() == nil {
			h.log.Warn("open pages could not be told what has changed", "error", err)
		}
	}
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	for _, w := range h.all() {
		h.end(w)
	}
}

// all returns the watches that have not ended.
func (h *Hub) all() []*Watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*Watch, 0, len(h.watches))
	for w := range h.watches {
		list = append(list, w)
	}
	return list
}

// look tells each page the version of its connection, and ends the watches of pages
// that may no longer be told. Nobody is asked if there are none.
func (h *Hub) look(ctx context.Context, watches []*Watch) error {
	if len(watches) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	ids, pages := make([]uuid.UUID, len(watches)), make([]accounts.OpenPage, len(watches))
	for i, w := range watches {
		ids[i], pages[i] = w.connectionID, w.page
	}
	open, err := h.sessions.StillOpen(ctx, pages)
	if err != nil {
		return err
	}
	found, err := versions(ctx, h.db, ids)
	if err != nil {
		return err
	}
	for i, w := range watches {
		version, ok := found[w.connectionID].of(w.page)
		if !ok || !open[i] {
			h.end(w)
			continue
		}
		w.tell(version)
	}
	return nil
}
