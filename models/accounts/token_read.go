package accounts

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// TokenReadsKept is how long we know who read which token.
	TokenReadsKept = 90 * 24 * time.Hour
	// addressesNamed limits the addresses of a key that each instance records in an
	// hour. All further ones are recorded as otherAddresses.
	addressesNamed = 16
	otherAddresses = "other addresses"
	// readsWaiting limits the reads that an instance keeps in memory while it
	// cannot write to the database. Keys are refused during that time, so this
	// limit is hardly ever reached.
	readsWaiting = 100_000
	// readsAtOnce is how many reads one write stores. Each write has its own time
	// limit, so that it has enough time however many reads wait.
	readsAtOnce = 2_000
)

// tokenReadOf is what reads of tokens have in common that are recorded as one row.
type tokenReadOf struct {
	connectionID, keyID uuid.UUID
	hour                int64
	address             string
}

// tokenReadCount counts equal reads, with the times of the first and the last.
type tokenReadCount struct {
	n           int64
	first, last time.Time
}

// and returns the sum of both counts.
func (c tokenReadCount) and(other tokenReadCount) tokenReadCount {
	if c.n == 0 {
		return other
	}
	c.n += other.n
	if other.first.Before(c.first) {
		c.first = other.first
	}
	if other.last.After(c.last) {
		c.last = other.last
	}
	return c
}

// keyAddresses are the addresses that used a key within an hour.
type keyAddresses struct {
	hour  int64
	named map[string]struct{}
}

// name returns the address under which a read is recorded.
func (k *keyAddresses) name(address string, hour int64) string {
	if k.hour != hour {
		k.hour, k.named = hour, map[string]struct{}{}
	}
	if _, known := k.named[address]; !known {
		if len(k.named) >= addressesNamed {
			return otherAddresses
		}
		k.named[address] = struct{}{}
	}
	return address
}

// tokenReads are the reads since the last flush.
type tokenReads struct {
	counts    map[tokenReadOf]tokenReadCount
	addresses map[uuid.UUID]*keyAddresses
	// lost counts the reads that had no room.
	lost int64
}

func newTokenReads() tokenReads {
	return tokenReads{counts: map[tokenReadOf]tokenReadCount{}, addresses: map[uuid.UUID]*keyAddresses{}}
}

func (t *tokenReads) add(keyID, connectionID uuid.UUID, address string, now time.Time) {
	of := tokenReadOf{connectionID: connectionID, keyID: keyID, hour: now.Unix() / int64(time.Hour/time.Second)}
	known := t.addresses[keyID]
	if known == nil {
		known = &keyAddresses{}
		t.addresses[keyID] = known
	}
	of.address = known.name(address, of.hour)
	count, there := t.counts[of]
	if !there && len(t.counts) >= readsWaiting {
		t.lost++
		return
	}
	t.counts[of] = count.and(tokenReadCount{n: 1, first: now, last: now})
}

// take returns the counts to write, and starts again from zero.
func (t *tokenReads) take() map[tokenReadOf]tokenReadCount {
	counts := t.counts
	t.counts = make(map[tokenReadOf]tokenReadCount, len(counts))
	return counts
}

// giveBack keeps counts that could not be written for the next flush.
func (t *tokenReads) giveBack(counts map[tokenReadOf]tokenReadCount) {
	for of, count := range counts {
		if _, there := t.counts[of]; !there && len(t.counts) >= readsWaiting {
			t.lost += count.n
			continue
		}
		t.counts[of] = t.counts[of].and(count)
	}
}

// tokenRead is a row: the reads within an hour by one key from one address.
type tokenRead struct {
	ConnectionID    uuid.UUID
	Hour            string
	KeyID           uuid.UUID
	Address         string
	N               int64
	FirstAt, LastAt time.Time
}

// writeTokenReads adds reads to the rows of their hour. All instances write rows in
// the same order, so that they cannot deadlock.
func writeTokenReads(tx *gorm.DB, rows []tokenRead) error {
	err := tx.Clauses(database.AddsUp("token_reads", "connection_id", "hour", "key_id", "address")).CreateInBatches(&rows, database.InsertedAtOnce).Error
	if err != nil {
		return fmt.Errorf("record token reads: %w", err)
	}
	return nil
}

// TokenReads says who read a connection's token, and how often within an hour.
type TokenReads struct {
	KeyName         string
	KeyID           uuid.UUID
	Address         string
	N               int64
	FirstAt, LastAt time.Time
}

// tokenReadsShown is how many rows a page shows.
const tokenReadsShown = 15

// TokenReadsOf returns the latest reads of a connection's token, newest first.
func TokenReadsOf(db *gorm.DB, connectionID uuid.UUID) ([]TokenReads, error) {
	var reads []TokenReads
	err := db.Raw(`SELECT k.name AS key_name, r.key_id, r.address, r.n, r.first_at, r.last_at FROM token_reads r JOIN api_keys k ON k.id = r.key_id
		WHERE r.connection_id = ? ORDER BY r.hour DESC, r.key_id DESC, r.address DESC LIMIT ?`, connectionID, tokenReadsShown).Scan(&reads).Error
	if err != nil {
		return nil, fmt.Errorf("list token reads: %w", err)
	}
	return reads, nil
}

// flushTokenReads stores the reads. It keeps those that the database does not
// accept.
func (a *APIKeys) flushTokenReads(ctx context.Context) error {
	a.mu.Lock()
	counts, lost := a.reads.take(), a.reads.lost
	a.reads.lost = 0
	a.mu.Unlock()
	var err error
	if lost > 0 {
		err = fmt.Errorf("%d token reads are not recorded: there was no room for them", lost)
	}
	if len(counts) == 0 {
		return err
	}
	order := slices.SortedFunc(maps.Keys(counts), func(a, b tokenReadOf) int {
		return cmp.Or(bytes.Compare(a.connectionID[:], b.connectionID[:]), cmp.Compare(a.hour, b.hour), bytes.Compare(a.keyID[:], b.keyID[:]), cmp.Compare(a.address, b.address))
	})
	for part := range slices.Chunk(order, readsAtOnce) {
		if wrote := a.writePart(ctx, part, counts); wrote != nil {
			a.mu.Lock()
			a.reads.giveBack(counts)
			a.mu.Unlock()
			return errors.Join(err, wrote)
		}
		for _, of := range part {
			delete(counts, of)
		}
	}
	return err
}

// writePart stores some of the counts, within a time limit of its own.
func (a *APIKeys) writePart(ctx context.Context, part []tokenReadOf, counts map[tokenReadOf]tokenReadCount) error {
	rows := make([]tokenRead, len(part))
	for i, of := range part {
		count := counts[of]
		rows[i] = tokenRead{
			ConnectionID: of.connectionID, KeyID: of.keyID, Address: of.address, N: count.n, FirstAt: count.first, LastAt: count.last,
			Hour: time.Unix(of.hour*int64(time.Hour/time.Second), 0).UTC().Format(database.HourForm),
		}
	}
	ctx, cancel := a.db.LimitWork(ctx)
	defer cancel()
	return a.db.Write(ctx, func(tx *gorm.DB) error { return writeTokenReads(tx, rows) })
}
