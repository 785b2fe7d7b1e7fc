package accounts

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// SignInAction is what somebody did or tried.
type SignInAction string

const (
	ActionSignIn       SignInAction = "sign_in"
	ActionSignUp       SignInAction = "sign_up"
	ActionSignOut      SignInAction = "sign_out"
	ActionSecondFactor SignInAction = "second_factor"
	// ActionStaffIssuer: staff came from their own issuer.
	ActionStaffIssuer SignInAction = "staff_issuer"
	// ActionPassword: a password was chosen behind a link.
	ActionPassword SignInAction = "password_set"
)

// OutcomeOK is the outcome of what worked. Every other outcome says why it did
// not.
const OutcomeOK = "ok"

// SignInEvent is a sign-in or the like, or a refusal of one.
type SignInEvent struct {
	Action  SignInAction
	Outcome string
	// UserID is who did it; uuid.Nil where only the typed email is known.
	UserID uuid.UUID
	// Email is as it was typed. It is neither stored nor logged.
	Email string
	// Staff says that it was at the door of staff.
	Staff                bool
	Address, SupportCode string
}

const (
	// SignInsKept is how long sign-ins and refusals are kept.
	SignInsKept = 90 * 24 * time.Hour
	// refusalsNamed bounds, for each instance, the different refusals of an hour.
	// Beyond it, those of one account are one row whatever the address, and beyond
	// twice as many there is one row for each kind.
	refusalsNamed = 500
	// successesNamed bounds what worked in the same way.
	successesNamed = 5000
	signInsShown   = 20

	staffScope = "staff"
)

// signInOf is what sign-ins have in common that are recorded as one.
type signInOf struct {
	action         SignInAction
	outcome        string
	UserID         uuid.UUID
	Email, address string
	staff          bool
	hour           int64
}

// signInCount is how often that was, with the support code of the last time.
type signInCount struct {
	tokenReadCount
	supportCode string
}

// signInRecord keeps sign-ins in memory until they are written down: an attacker
// causes no write with each try.
type signInRecord struct {
	mu     sync.Mutex
	counts map[signInOf]signInCount
	// seen are those of this hour, written down or not.
	seen      map[signInOf]struct{}
	hour      int64
	refusals  int
	successes int

	keyMu sync.Mutex
	key   []byte
}

func newSignInRecord() *signInRecord {
	return &signInRecord{counts: map[signInOf]signInCount{}, seen: map[signInOf]struct{}{}}
}

func (r *signInRecord) add(e SignInEvent, now time.Time) {
	email, _ := ParseEmail(e.Email)
	of := signInOf{
		action: e.Action, outcome: e.Outcome, UserID: e.UserID, Email: email, address: e.Address, staff: e.Staff,
		hour: now.Unix() / int64(time.Hour/time.Second),
	}
	if of.UserID != uuid.Nil {
		of.Email = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	of = r.named(of)
	count := signInCount{tokenReadCount{n: 1, first: now, last: now}, e.SupportCode}
	r.counts[of] = signInCount{r.counts[of].and(count.tokenReadCount), e.SupportCode}
}

// named takes the address, and then the person, out of what is one too many of an
// hour.
func (r *signInRecord) named(of signInOf) signInOf {
	if r.hour != of.hour {
		r.hour, r.refusals, r.successes = of.hour, 0, 0
		clear(r.seen)
	}
	n, limit := &r.refusals, refusalsNamed
	if of.outcome == OutcomeOK {
		n, limit = &r.successes, successesNamed
	}
	if _, known := r.seen[of]; known {
		return of
	}
	if *n >= limit {
		of.address = otherAddresses
		if _, known := r.seen[of]; !known && *n >= 2*limit {
			of.UserID, of.Email = uuid.Nil, ""
		}
	}
	if _, known := r.seen[of]; !known {
		r.seen[of] = struct{}{}
		*n++
	}
	return of
}

// RecordSignIn records a sign-in or the like, or a refusal. It is written down by
// FlushSignIns: nobody waits for a write, and a process that is killed loses what
// it has recorded since the last one.
func (a *Accounts) RecordSignIn(e SignInEvent) { a.signIns.add(e, a.db.Now()) }

// EmailHash stands for an email in the log. Equal emails have equal hashes, and
// without the key, which is in the database, nobody can try out which email it is.
func (a *Accounts) EmailHash(ctx context.Context, typed string) (string, error) {
	email, ok := ParseEmail(typed)
	if !ok {
		return "", nil
	}
	r := a.signIns
	r.keyMu.Lock()
	defer r.keyMu.Unlock()
	if r.key == nil {
		var rows []struct{ Key []byte }
		if err := a.db.Read(ctx).Raw("SELECT key FROM log_key WHERE id = 1").Scan(&rows).Error; err != nil {
			return "", fmt.Errorf("read the log's key: %w", err)
		}
		if len(rows) == 0 || len(rows[0].Key) < 32 {
			return "", errors.New("the log's key is not in the database")
		}
		r.key = rows[0].Key
	}
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(email))
	return hex.EncodeToString(mac.Sum(nil)[:8]), nil
}

// FlushSignIns writes down what was recorded since the last time.
func (a *Accounts) FlushSignIns(ctx context.Context) error {
	r := a.signIns
	r.mu.Lock()
	counts := r.counts
	r.counts = map[signInOf]signInCount{}
	r.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	ctx, cancel := a.db.LimitWork(ctx)
	defer cancel()
	err := a.writeSignIns(ctx, counts)
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for of, count := range counts { // they are written the next time
		newer, there := r.counts[of]
		if !there {
			newer.supportCode = count.supportCode
		}
		newer.tokenReadCount = newer.and(count.tokenReadCount)
		if len(r.counts) < 2*(refusalsNamed+successesNamed) {
			r.counts[of] = newer
		}
	}
	return fmt.Errorf("record sign-ins: %w", err)
}

// signIn is a row: equal sign-ins, or equal refusals, of an hour.
type signIn struct {
	Hour, Scope, Subject string
	Action               SignInAction
	Outcome, Address     string
	N                    int64
	SupportCode          string
	FirstAt, LastAt      time.Time
}

// person is who a sign-in was about, and whose they are.
type person struct {
	ID        uuid.UUID
	Email     string
	StaffRole StaffRole
	CompanyID *uuid.UUID
}

func (a *Accounts) writeSignIns(ctx context.Context, counts map[signInOf]signInCount) error {
	byID, byEmail, err := a.people(ctx, counts)
	if err != nil {
		return err
	}
	rows := make([]signIn, 0, len(counts))
	for of, count := range counts {
		row := signIn{
			Hour: time.Unix(of.hour*int64(time.Hour/time.Second), 0).UTC().Format(database.HourForm), Action: of.action, Outcome: of.outcome, Address: of.address,
			N: count.n, SupportCode: count.supportCode, FirstAt: count.first, LastAt: count.last,
		}
		who, known := byID[of.UserID]
		if !known {
			who, known = byEmail[of.Email]
		}
		switch {
		case known:
			row.Subject = who.ID.String()
		case of.Email != "":
			if row.Subject, err = a.EmailHash(ctx, of.Email); err != nil {
				return err
			}
		}
		if of.staff || who.StaffRole != "" {
			row.Scope = staffScope
		} else if who.CompanyID != nil {
			row.Scope = who.CompanyID.String()
		}
		rows = append(rows, row)
	}
	// In order, so that two instances do not wait for each other.
	key := func(r signIn) []string {
		return []string{r.Hour, r.Scope, r.Subject, string(r.Action), r.Outcome, r.Address}
	}
	slices.SortFunc(rows, func(a, b signIn) int { return slices.Compare(key(a), key(b)) })
	rows = mergeEqual(rows, func(a, b signIn) bool { return slices.Equal(key(a), key(b)) })
	conflict := database.AddsUp("sign_ins", "hour", "scope", "subject", "action", "outcome", "address")
	conflict.DoUpdates = append(conflict.DoUpdates, clause.Assignment{Column: clause.Column{Name: "support_code"}, Value: clause.Expr{SQL: "excluded.support_code"}})
	return a.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(conflict).CreateInBatches(&rows, database.InsertedAtOnce).Error
	})
}

// mergeEqual adds up neighbors with the same key: an email and the ID of its user
// are one person.
func mergeEqual(rows []signIn, equal func(a, b signIn) bool) []signIn {
	merged := rows[:0]
	for _, row := range rows {
		if n := len(merged); n > 0 && equal(merged[n-1], row) {
			last := &merged[n-1]
			sum := tokenReadCount{last.N, last.FirstAt, last.LastAt}.and(tokenReadCount{row.N, row.FirstAt, row.LastAt})
			last.N, last.FirstAt, last.LastAt = sum.n, sum.first, sum.last
			continue
		}
		merged = append(merged, row)
	}
	return merged
}

// people finds whom the sign-ins are about.
func (a *Accounts) people(ctx context.Context, counts map[signInOf]signInCount) (byID map[uuid.UUID]person, byEmail map[string]person, err error) {
	var ids []uuid.UUID
	var emails []string
	for of := range counts {
		if of.UserID != uuid.Nil {
			ids = append(ids, of.UserID)
		} else if of.Email != "" {
			emails = append(emails, of.Email)
		}
	}
	byID, byEmail = map[uuid.UUID]person{}, map[string]person{}
	find := func(where string, values any) error {
		var list []person
		err := a.db.Read(ctx).Raw(`SELECT u.id, u.email, u.staff_role, (SELECT m.company_id FROM memberships m WHERE m.user_id = u.id ORDER BY m.created_at LIMIT 1) AS company_id
			FROM users u WHERE `+where, values).Scan(&list).Error
		for _, p := range list {
			byID[p.ID], byEmail[p.Email] = p, p
		}
		return err
	}
	for chunk := range slices.Chunk(ids, database.InsertedAtOnce) {
		err = errors.Join(err, find("u.id IN ?", chunk))
	}
	for chunk := range slices.Chunk(emails, database.InsertedAtOnce) {
		err = errors.Join(err, find("u.email IN ?", chunk))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find people: %w", err)
	}
	return byID, byEmail, nil
}

// SignInLine is one line of the record of sign-ins, as staff admins see it.
type SignInLine struct {
	// Name is whose it was, as far as that is known.
	Name            string
	Action          SignInAction
	Outcome         string
	Address         string
	N               int64
	SupportCode     string
	FirstAt, LastAt time.Time
}

// StaffSignIns returns the newest sign-ins and refusals of staff.
func (a *Accounts) StaffSignIns(ctx context.Context) ([]SignInLine, error) {
	return SignInsOf(a.db.Read(ctx), staffScope)
}

// SignInsOf are the newest of a scope.
func SignInsOf(db *gorm.DB, scope string) ([]SignInLine, error) {
	var rows []signIn
	if err := db.Where("scope = ?", scope).Order("last_at DESC").Limit(signInsShown).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list sign-ins: %w", err)
	}
	ids := make([]uuid.UUID, 0, len(rows))
	for _, r := range rows {
		if id, err := uuid.Parse(r.Subject); err == nil {
			ids = append(ids, id)
		}
	}
	var users []User
	if err := db.Session(&gorm.Session{NewDB: true}).Select("id", "name").Where("id IN ?", ids).Find(&users).Error; err != nil {
		return nil, fmt.Errorf("name who signed in: %w", err)
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID.String()] = u.Name
	}
	lines := make([]SignInLine, len(rows))
	for i, r := range rows {
		lines[i] = SignInLine{
			Name: cmp.Or(names[r.Subject], "Somebody unknown"), Action: r.Action, Outcome: r.Outcome, Address: r.Address,
			N: r.N, SupportCode: r.SupportCode, FirstAt: r.FirstAt, LastAt: r.LastAt,
		}
	}
	return lines, nil
}
