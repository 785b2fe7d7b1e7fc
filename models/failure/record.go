package failure

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

const (
	// mostWaiting bounds the failures in memory that wait for the database.
	mostWaiting = 2000
	// writtenAtOnce is how many one write takes.
	writtenAtOnce = 200
	// writeEvery is how long a failure waits for its write. A person who reads a code
	// out takes longer.
	writeEvery = 2 * time.Second
)

// Lost says why failures were not kept.
type Lost string

const (
	// LostToLimit says that there were too many of one kind of requester.
	LostToLimit Lost = "limit"
	// LostToFull says that the database did not take them, and memory was full.
	LostToFull Lost = "full"
)

// Record takes failures, and writes them in the background.
type Record struct {
	db   *database.DB
	log  *slog.Logger
	lost func(Lost)

	mu      sync.Mutex
	limit   limit
	waiting []Failure

	// flushing is held while failures are written.
	flushing sync.Mutex
}

// New returns a record. It calls lost for each failure that is not kept.
func New(db *database.DB, lost func(Lost), log *slog.Logger) *Record {
	return &Record{db: db, log: log, lost: lost}
}

// Add keeps a failure, unless there were too many. It never waits. address is where the
// request came from, by which strangers are counted; it is not stored.
func (r *Record) Add(f Failure, address string) {
	if r == nil { // in a test of something else
		return
	}
	if why := r.add(f, address); why != "" {
		r.lost(why)
	}
}

func (r *Record) add(f Failure, address string) Lost {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.At = r.db.Now()
	switch {
	case len(r.waiting) >= mostWaiting:
		return LostToFull
	case !r.limit.allows(f, address):
		return LostToLimit
	}
	f.ID = database.NewID()
	r.waiting = append(r.waiting, f)
	return ""
}

// Run writes failures until the context ends. Call Flush once no request is under way.
func (r *Record) Run(ctx context.Context) {
	failing := false
	for range retry.Every(ctx, writeEvery) {
		err := r.Flush(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.log.Warn("failures could not be saved yet", "error", err)
		}
		failing = err != nil
	}
}

// Flush writes what waits. What cannot be written waits for the next time.
func (r *Record) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	for {
		r.mu.Lock()
		batch := r.waiting[:min(len(r.waiting), writtenAtOnce)]
		r.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		if err := r.write(ctx, batch); err != nil {
			return fmt.Errorf("save failures: %w", err)
		}
		r.mu.Lock()
		r.waiting = append([]Failure(nil), r.waiting[len(batch):]...)
		r.mu.Unlock()
	}
}

func (r *Record) write(ctx context.Context, batch []Failure) error {
	ctx, cancel := r.db.LimitWork(ctx)
	defer cancel()
	whose, err := companiesOf(r.db.Read(ctx), batch)
	if err != nil {
		return err
	}
	for i := range batch {
		batch[i].belong(whose)
	}
	return r.db.Write(ctx, func(tx *gorm.DB) error {
		for i := range batch {
			// An earlier write may have worked although its answer was lost.
			if err := row.InsertOrReplace(tx, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// companiesOf returns the companies of the connections that failures name.
func companiesOf(db *gorm.DB, batch []Failure) (map[uuid.UUID]uuid.UUID, error) {
	var named []uuid.UUID
	for _, f := range batch {
		if f.ConnectionID != nil {
			named = append(named, *f.ConnectionID)
		}
	}
	whose := map[uuid.UUID]uuid.UUID{}
	if len(named) == 0 {
		return whose, nil
	}
	var rows []struct{ ID, CompanyID uuid.UUID }
	if err := db.Raw("SELECT id, company_id FROM connections WHERE id IN ?", named).Scan(&rows).Error; err != nil {
		return nil, err
	}
	for _, r := range rows {
		whose[r.ID] = r.CompanyID
	}
	return whose, nil
}

// belong forgets a connection that does not exist, or that whoever named it has no
// business with: an ID in an address may be made up. For our staff and for the
// operator's back ends, the connection says which company the failure is about.
func (f *Failure) belong(whose map[uuid.UUID]uuid.UUID) {
	if f.ConnectionID == nil {
		return
	}
	company, ok := whose[*f.ConnectionID]
	switch {
	case !ok, f.stranger(), f.CompanyID != nil && *f.CompanyID != company:
		f.ConnectionID = nil
	case f.CompanyID == nil:
		f.CompanyID = &company
	}
}
