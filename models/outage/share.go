package outage

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// mostShared is how many results of a place an instance shares in a turn at most.
	mostShared = 20_000
	// readWithin is how old the results of another instance are, at most, when they are
	// read.
	readWithin = 45 * time.Second
	// sharedKept is how long results stay in the table.
	sharedKept = 2 * time.Minute
)

// share writes the results of this instance since its last turn, for the other instances.
// Those that cannot be written are lost to the others.
func (m *Monitor) share(ctx context.Context, now time.Time) error {
	m.mu.Lock()
	tallies := maps.Clone(m.tallies)
	m.mu.Unlock()
	fresh := map[place][]byte{}
	for p, t := range tallies {
		if list := t.takeFresh(); len(list) > 0 {
			var packed bytes.Buffer
			if err := binary.Write(&packed, binary.BigEndian, list); err != nil {
				return fmt.Errorf("pack results: %w", err)
			}
			fresh[p] = packed.Bytes()
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	err := m.db.Write(ctx, func(tx *gorm.DB) error {
		for p, packed := range fresh {
			_, err := database.Exec(tx, `INSERT INTO outage_results (instance, environment, endpoint, at, results) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT DO NOTHING`, m.instance, p.Environment, p.Endpoint, now, packed)
			if err != nil {
				return err
			}
		}
		_, err := database.Exec(tx, "DELETE FROM outage_results WHERE (instance = $1 AND at < $2) OR at < $3", m.instance, now.Add(-sharedKept), now.Add(-5*sharedKept))
		return err
	})
	if err != nil {
		return fmt.Errorf("share results: %w", err)
	}
	return nil
}

// readOthers takes in what the other instances have shared since the last turn.
func (m *Monitor) readOthers(ctx context.Context, now time.Time) error {
	read := map[uuid.UUID]time.Time{}
	query := "SELECT instance, environment, endpoint, at, results FROM outage_results WHERE instance <> $1 AND at > $2 ORDER BY at"
	err := m.db.ReadRows(ctx, query, []any{m.instance, now.Add(-readWithin)}, func(rows *sql.Rows) error {
		var instance uuid.UUID
		var p place
		var at time.Time
		var packed []byte
		if err := rows.Scan(&instance, &p.Environment, &p.Endpoint, &at, &packed); err != nil {
			return err
		}
		read[instance] = at
		if !at.After(m.read[instance]) {
			return nil
		}
		list := make([]result, len(packed)/binary.Size(result{}))
		if err := binary.Read(bytes.NewReader(packed), binary.BigEndian, list); err != nil {
			return fmt.Errorf("unpack results: %w", err)
		}
		for _, r := range list {
			if int(r.Outcome) > len(kinds) {
				return fmt.Errorf("unpack results: unknown outcome %d", r.Outcome)
			}
		}
		m.tallyOf(p).noteOthers(list)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read results of other instances: %w", err)
	}
	m.read = read
	return nil
}
