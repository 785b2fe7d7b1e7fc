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

// SignInAction is what a person did or attempted.
type SignInAction string

// All recorded actions. The database stores their values.
const (
	ActionSignIn       SignInAction = "sign_in"
	ActionSignUp       SignInAction = "sign_up"
	ActionSignOut      SignInAction = "sign_out"
	ActionSecondFactor SignInAction = "second_factor"
	// ActionStaffIssuer is a staff member's return from the staff's own issuer.
	ActionStaffIssuer SignInAction = "staff_issuer"
	// ActionPassword is the choice of a password, through a link or in the settings.
	ActionPassword SignInAction = "password_set"
	// ActionPasskey is a sign-in with a passkey.
	ActionPasskey SignInAction = "passkey"
	// Changes to how a person signs in.
	ActionPasskeyAdded   SignInAction = "passkey_added"
	ActionPasskeyRemoved SignInAction = "passkey_removed"
	ActionSecondStepOn   SignInAction = "second_step_on"
	ActionSecondStepOff  SignInAction = "second_step_off"
)

// OutcomeOK is the outcome of an action that succeeded. Every other outcome gives
// the reason why the action was refused.
const OutcomeOK = "ok"

// SignInEvent is a sign-in or a similar action, or its refusal.
type SignInEvent struct {
	Action  SignInAction
	Outcome string
	// UserID is the person, or uuid.Nil if only the typed email is known.
	UserID uuid.UUID
	// Email is the email as it was typed. It is neither stored nor logged.
	Email string
	// Staff says that it happened on the sign-in pages of staff.
	Staff                bool
	Address, SupportCode string
}

const (
	// SignInsKept is how long sign-ins and refusals are kept.
	SignInsKept = 90 * 24 * time.Hour
	// refusalsNamed limits how many different refusals an instance records in an
	// hour. Beyond it, refusals for one account are one row for all addresses.
	// Beyond twice as many, there is one row for each kind.
	refusalsNamed = 500
	// successesNamed limits successes in the same way.
	successesNamed = 5000
	signInsShown   = 20

	staffScope = "staff"
)

// signInOf is what sign-ins have in common that are recorded as one row.
type signInOf struct {
	action         SignInAction
	outcome        string
	UserID         uuid.UUID
	Email, address string
	staff          bool
	hour           int64
}

// signInCount counts equal sign-ins, and has the support code of the latest one.
type signInCount struct {
	tokenReadCount
	supportCode string
}

// signInRecord keeps sign-ins in memory until they are flushed. An attacker does
// not cause a write with each attempt.
type signInRecord struct {
	mu     sync.Mutex
	counts map[signInOf]signInCount
	// seen has the different sign-ins of this hour, including flushed ones.
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

// named removes the address, and then also the person, from a sign-in that exceeds
// the limits of the hour.
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

// RecordSignIn records a sign-in or a similar action, or its refusal. FlushSignIns
// stores it later, so that nobody waits for a write. A process that is killed loses
// what it recorded since the last flush.
func (a *Accounts) RecordSignIn(e SignInEvent) { a.signIns.add(e, a.db.Now()) }

// EmailHash returns a hash that identifies an email in the log. Equal emails have
// equal hashes. The key is in the database, so the log alone does not let anybody
// test whether it is about a certain email. The hash of text that is no email is
// empty.
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
			return "", fmt.Errorf("read the key of the log: %w", err)
		}
		if len(rows) == 0 || len(rows[0].Key) < 32 {
			return "", errors.New("the key of the log is not in the database")
		}
		r.key = rows[0].Key
	}
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(email))
	return hex.EncodeToString(mac.Sum(nil)[:8]), nil
}

// FlushSignIns stores what was recorded since the last flush.
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
	for of, count := range counts { // the next flush writes them
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

// person is who a sign-in is about, and which company they belong to.
type person struct {
	ID        uuid.UUID
	Email     string
	StaffRole StaffRole
	CompanyID *uuid.UUID
}

// writeSignIns adds the counts to the rows of their hour.
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
	// All instances write rows in the same order, so that they cannot deadlock.
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

// mergeEqual adds up neighbors that have the same key. An email and the ID of its
// user are the same person.
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

// people finds the people whom the sign-ins are about, by ID and by email.
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
		var found []person
		err := a.db.Read(ctx).Raw(`SELECT u.id, u.email, u.staff_role, (SELECT m.company_id FROM memberships m WHERE m.user_id = u.id ORDER BY m.created_at LIMIT 1) AS company_id
			FROM users u WHERE `+where, values).Scan(&found).Error
		for _, p := range found {
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

// SignInLine is a line of the sign-ins that admins see.
type SignInLine struct {
	// Name is the person's name, or a text that says that the person is unknown.
	Name            string
	Action          SignInAction
	Outcome         string
	Address         string
	N               int64
	SupportCode     string
	FirstAt, LastAt time.Time
}

// StaffSignIns returns the latest sign-ins and refusals of staff, newest first.
func (a *Accounts) StaffSignIns(ctx context.Context) ([]SignInLine, error) {
	return SignInsOf(a.db.Read(ctx), staffScope)
}

// SignInsOf returns the latest sign-ins and refusals of a scope, newest first. A
// scope is a company's ID, or staff.
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
		return nil, fmt.Errorf("find names of sign-ins: %w", err)
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID.String()] = u.Name
	}
	lines := make([]SignInLine, len(rows))
	for i, r := range rows {
		lines[i] = SignInLine{
			Name: cmp.Or(names[r.Subject], "Someone unknown"), Action: r.Action, Outcome: r.Outcome, Address: r.Address,
			N: r.N, SupportCode: r.SupportCode, FirstAt: r.FirstAt, LastAt: r.LastAt,
		}
	}
	return lines, nil
}
