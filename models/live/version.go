package live

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// Version returns the version of what a page shows of a connection: another one after
// each change of the connection, each check, and each event. It says nothing else. newest
// is the newest event that the reader may see.
func Version(updated time.Time, check models.Check, newest uuid.UUID) string {
	var facts [3*8 + len(newest)]byte
	binary.BigEndian.PutUint64(facts[:], uint64(updated.UnixMicro())) // #nosec G115 -- only its bits count
	if at := check.AnsweredAt; at != nil {
		binary.BigEndian.PutUint64(facts[8:], uint64(at.UnixMicro())) // #nosec G115 -- as above
	}
	binary.BigEndian.PutUint64(facts[2*8:], uint64(check.Failures)) // #nosec G115 -- as above
	copy(facts[3*8:], newest[:])
	sum := fnv.New64a()
	_, _ = sum.Write(facts[:]) // never fails
	return strconv.FormatUint(sum.Sum64(), 36)
}

// current are the versions of a connection, for its company and for staff.
type current struct {
	companyID          uuid.UUID
	ofCompany, ofStaff string
}

// versionsQuery reads what the versions of some connections are made of. That staff
// looked at a connection is no change, because a page that loads itself again is a look.
var versionsQuery = `SELECT c.id, c.company_id, c.updated_at, k.answered_at, coalesce(k.failures, 0),
	(SELECT e.id FROM events e WHERE e.connection_id = c.id AND ` + models.KindIsOneOf(models.CompanyEvents()) + ` ORDER BY e.id DESC LIMIT 1),
	(SELECT e.id FROM events e WHERE e.connection_id = c.id AND e.kind <> 'staff_viewed' ORDER BY e.id DESC LIMIT 1)
	FROM connections c LEFT JOIN checks k ON k.connection_id = c.id WHERE c.id IN `

// versions returns the versions of some connections. It has none for a connection that
// no longer exists.
func versions(ctx context.Context, db *database.DB, ids []uuid.UUID) (map[uuid.UUID]current, error) {
	found := make(map[uuid.UUID]current, len(ids))
	var id, companyID uuid.UUID
	var updated time.Time
	var check models.Check
	var forCompany, forStaff sql.Null[uuid.UUID]
	among, list, err := db.Among("uuid", ids)
	if err != nil {
		return nil, err
	}
	err = db.ReadRows(ctx, versionsQuery+among, []any{list}, func(rows *sql.Rows) error {
		if err := rows.Scan(&id, &companyID, &updated, &check.AnsweredAt, &check.Failures, &forCompany, &forStaff); err != nil {
			return err
		}
		found[id] = current{companyID: companyID, ofCompany: Version(updated, check, forCompany.V), ofStaff: Version(updated, check, forStaff.V)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of connections: %w", err)
	}
	return found, nil
}
