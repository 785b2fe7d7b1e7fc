package handlers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// sessions gives typed access to what the app keeps for a browser.
type sessions struct {
	scs    *scs.SessionManager
	store  *accounts.Sessions
	secure bool
}

func newSessions(store *accounts.Sessions, base *url.URL) *sessions {
	m := scs.New()
	m.Store, m.Codec = store, sessionCodec{}
	m.Lifetime = accounts.SessionLifetime
	m.HashTokenInStore = true
	m.Cookie.HttpOnly = true
	m.Cookie.Path = "/"
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Persist = false
	s := &sessions{scs: m, store: store, secure: base.Scheme == "https"}
	m.Cookie.Secure = s.secure
	m.Cookie.Name = s.cookieName("session")
	return s
}

// cookieName adds the prefix that makes browsers reject such a cookie from other
// hosts (RFC 6265bis, section 4.1.3.2). It works with https only.
func (s *sessions) cookieName(name string) string {
	if s.secure {
		return "__Host-fieldbridge_" + name
	}
	return "fieldbridge_" + name
}

// middleware loads the session before a handler and saves it when the answer
// begins. It answers errors itself: Echo would answer them after the session was
// saved, and the session would be saved again.
func (s *sessions) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	inner := func(c echo.Context) error {
		if err := next(c); err != nil {
			c.Error(err)
		}
		return nil
	}
	load := echo.WrapMiddleware(s.scs.LoadAndSave)(inner)
	return func(c echo.Context) error {
		s.track(c)
		return load(c)
	}
}

// track notes that the request's session is loaded, and lets the store follow what
// the request does with the session.
func (s *sessions) track(c echo.Context) {
	r := c.Request()
	request.RecordOf(r.Context()).SessionLoaded = true
	ctx := s.store.Track(r.Context())
	if quiet(c) {
		s.store.Quietly(ctx)
	}
	c.SetRequest(r.WithContext(ctx))
}

// kept returns what the session keeps.
func (s *sessions) kept(ctx context.Context) kept {
	if k, ok := lent(ctx); ok {
		return k
	}
	if k, ok := s.scs.Get(ctx, keyKept).(*kept); ok {
		return *k
	}
	return kept{}
}

// keep makes the session keep k. If that changes nothing, the session is not saved.
func (s *sessions) keep(ctx context.Context, k kept) {
	if _, frame := lent(ctx); !frame && k != s.kept(ctx) {
		s.scs.Put(ctx, keyKept, &k)
	}
}

// signedIn says who the session belongs to.
type signedIn struct {
	userID, companyID uuid.UUID
	epoch             int
	// staff says that the session belongs to a staff member, who has no company.
	// factor says that the person has passed the second factor. elsewhere says that
	// the staff member has signed in at their own issuer.
	staff, factor, elsewhere bool
}

// SignIn starts a session for a user under a new token. It keeps nothing of the
// browser's earlier session.
func (s *sessions) SignIn(ctx context.Context, b accounts.Beginning, companyID uuid.UUID) error {
	if err := s.scs.Clear(ctx); err != nil {
		return fmt.Errorf("clear session: %w", err)
	}
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	if b.User.StaffRole != "" {
		s.store.ForStaff(ctx)
	}
	s.store.ForUser(ctx, b)
	s.keep(ctx, kept{
		user: b.User.ID, company: companyID, epoch: b.User.SessionEpoch, staff: b.User.StaffRole != "", binding: rand.Text() + rand.Text(),
	})
	return nil
}

// Switch makes the session go on in another company, under a new token. Nothing that
// began in the earlier company can finish in this one.
func (s *sessions) Switch(ctx context.Context, companyID uuid.UUID) error {
	s.store.GoOn(ctx)
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	k := s.kept(ctx)
	k.company, k.binding, k.choices = companyID, rand.Text()+rand.Text(), ""
	s.keep(ctx, k)
	return nil
}

// PassFactor notes that the person has passed the second factor. The session
// continues under a new token, unless it was signed out in the meantime.
func (s *sessions) PassFactor(ctx context.Context) error {
	s.store.GoOn(ctx)
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	k := s.kept(ctx)
	k.factor, k.enrolment = true, ""
	s.keep(ctx, k)
	return nil
}

// UsedPasskey notes, in a session that has just begun, that the person signed in
// with a passkey. The device has verified the person, so a passkey counts as both
// factors.
func (s *sessions) UsedPasskey(ctx context.Context) {
	k := s.kept(ctx)
	k.factor = true
	s.keep(ctx, k)
}

// Confirm notes that the person has confirmed that it is them.
func (s *sessions) Confirm(ctx context.Context, until time.Time) {
	k := s.kept(ctx)
	k.confirmed = until.Unix()
	s.keep(ctx, k)
}

// Confirmed reports whether the person has confirmed a short time ago that it is
// them.
func (s *sessions) Confirmed(ctx context.Context, now time.Time) bool {
	return now.Unix() < s.kept(ctx).confirmed
}

// KeepCeremony keeps a question about a passkey until the browser answers it.
func (s *sessions) KeepCeremony(ctx context.Context, question string) {
	k := s.kept(ctx)
	k.ceremony = question
	s.keep(ctx, k)
}

// TakeCeremony returns the question that the session keeps, and removes it.
func (s *sessions) TakeCeremony(ctx context.Context) string {
	k := s.kept(ctx)
	question := k.ceremony
	k.ceremony = ""
	s.keep(ctx, k)
	return question
}

// CameFromElsewhere notes, in a session that has just begun, that the staff member
// has signed in at their own issuer.
func (s *sessions) CameFromElsewhere(ctx context.Context) {
	k := s.kept(ctx)
	k.elsewhere = true
	s.keep(ctx, k)
}

// GoOn keeps the session when the user's other sessions have ended.
func (s *sessions) GoOn(ctx context.Context, epoch int) {
	k := s.kept(ctx)
	k.epoch = epoch
	s.keep(ctx, k)
}

// Enrolment returns the second factor that is being set up in this session, if any.
func (s *sessions) Enrolment(ctx context.Context) string { return s.kept(ctx).enrolment }

// KeepEnrolment keeps an enrollment until it is confirmed.
func (s *sessions) KeepEnrolment(ctx context.Context, enrolment string) {
	k := s.kept(ctx)
	k.enrolment = enrolment
	s.keep(ctx, k)
}

// staffTripsKept limits the authorizations that one session begins side by side.
const staffTripsKept = 5

// keptTrip is an authorization at the staff's issuer as the session keeps it: a
// hash of its state, and the rest encrypted.
type keptTrip struct {
	State, Sealed string
	Until         time.Time
}

// stateName returns the hash by which a session knows an authorization.
func stateName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}

// BeginStaffTrip remembers an authorization at the staff's issuer. Each tab has its
// own.
func (s *sessions) BeginStaffTrip(ctx context.Context, trip keptTrip) {
	trips := append(decodeTrips(s.kept(ctx).staffTrips), trip)
	s.keepStaffTrips(ctx, trips[max(0, len(trips)-staffTripsKept):])
}

// TakeStaffTrip returns the session's authorization with a state, and removes it
// from the session.
func (s *sessions) TakeStaffTrip(ctx context.Context, state string) (keptTrip, bool) {
	trips := decodeTrips(s.kept(ctx).staffTrips)
	for i, trip := range trips {
		if subtle.ConstantTimeCompare([]byte(trip.State), []byte(state)) == 1 {
			s.keepStaffTrips(ctx, slices.Delete(trips, i, i+1))
			return trip, true
		}
	}
	return keptTrip{}, false
}

func (s *sessions) keepStaffTrips(ctx context.Context, trips []keptTrip) {
	k := s.kept(ctx)
	k.staffTrips = encodeTrips(trips)
	s.keep(ctx, k)
}

// AskFactor makes the session wait for the second factor again.
func (s *sessions) AskFactor(ctx context.Context) {
	k := s.kept(ctx)
	k.factor = false
	s.keep(ctx, k)
}

// SignOut ends the session on the server and removes the cookie.
func (s *sessions) SignOut(ctx context.Context) error {
	if _, frame := lent(ctx); frame {
		return nil // the browser's own session has nothing to do with it
	}
	if err := s.scs.Destroy(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Lend returns a context in which a person of a demo is signed in, for one page in a frame
// of a run. That session is in the context only. Nothing changes or saves it, and the
// browser's own stays as it is.
func (s *sessions) Lend(ctx context.Context, to RunPerson) context.Context {
	return context.WithValue(ctx, lentKey{}, kept{user: to.UserID, company: to.CompanyID, epoch: to.Epoch, staff: to.CompanyID == uuid.Nil, factor: true})
}

type lentKey struct{}

// lent returns the session that a page in a frame of a run has in place of the browser's.
func lent(ctx context.Context) (kept, bool) {
	k, ok := ctx.Value(lentKey{}).(kept)
	return k, ok
}

// SignedIn returns who is signed in, if anybody is.
func (s *sessions) SignedIn(ctx context.Context) (signedIn, bool) {
	k := s.kept(ctx)
	return signedIn{
		userID: k.user, companyID: k.company, epoch: k.epoch, staff: k.staff, factor: k.factor, elsewhere: k.elsewhere,
	}, k.user != uuid.Nil
}

// Visitor returns the person who is signed in, as they were when the request began.
func (s *sessions) Visitor(ctx context.Context, in signedIn) (accounts.Visitor, error) {
	return s.store.Visitor(ctx, in.userID, in.companyID, in.epoch)
}

// Staff returns the staff member who is signed in, as they were when the request
// began.
func (s *sessions) Staff(ctx context.Context, in signedIn) (accounts.Staff, error) {
	return s.store.Staff(ctx, in.userID, in.epoch)
}

// Binding returns the value to which authorizations of this session are bound.
func (s *sessions) Binding(ctx context.Context) secret.Value {
	return secret.New(s.kept(ctx).binding)
}

// storedChoice is a wizard's choice in the form that the session keeps.
type storedChoice struct {
	ID     string
	Choice models.Choice
}

// choicesKept limits the wizards that are open side by side.
const choicesKept = 5

// AddChoice keeps the choice of a wizard's first step. It returns the name by which
// the next steps find the choice. Each tab has its own.
func (s *sessions) AddChoice(ctx context.Context, choice models.Choice) string {
	k := s.kept(ctx)
	choices := decodeChoices(k.choices)
	for _, c := range choices {
		if c.Choice == choice {
			return c.ID
		}
	}
	id := rand.Text()[:8]
	choices = append(choices, storedChoice{ID: id, Choice: choice})
	if len(choices) > choicesKept {
		choices = choices[len(choices)-choicesKept:]
	}
	k.choices = encodeChoices(choices)
	s.keep(ctx, k)
	return id
}

// Choice returns a wizard's choice. Without a name, it returns the latest.
func (s *sessions) Choice(ctx context.Context, id string) (string, models.Choice, bool) {
	choices := decodeChoices(s.kept(ctx).choices)
	for i := len(choices) - 1; i >= 0; i-- {
		if id == "" || choices[i].ID == id {
			return choices[i].ID, choices[i].Choice, true
		}
	}
	return "", models.Choice{}, false
}

const deviceLife = 180 * 24 * 60 * 60 // seconds

// Device returns what the browser keeps of an earlier sign-in, if anything.
func (s *sessions) Device(c echo.Context) string {
	cookie, err := c.Cookie(s.cookieName("device"))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// KeepDevice lets the browser prove at the next sign-in that the account has signed
// in from it before. It does not sign anybody in.
func (s *sessions) KeepDevice(c echo.Context, device string) {
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure wherever the app is served by https
		Name: s.cookieName("device"), Value: device, Path: "/", MaxAge: deviceLife,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}
