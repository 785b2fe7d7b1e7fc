package handlers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// The keys of session values. Only this file uses them.
const (
	keyUser    = "user"
	keyCompany = "company"
	keyEpoch   = "epoch"
	keyStaff   = "staff"
	// keyFactor says that the person has passed the second factor.
	keyFactor = "factor"
	// keyEnrolment holds the encrypted second factor that is being set up.
	keyEnrolment = "enrolment"
	// keyElsewhere says that the staff member has signed in at their own issuer.
	keyElsewhere = "elsewhere"
	// keyStaffTrips holds the authorizations at that issuer that are under way.
	keyStaffTrips = "staff trips"
	// keyBinding holds the random value to which authorizations are bound. It
	// changes at every sign-in and with the company, so that no authorization
	// outlives the session in which it began, or ends in another company.
	keyBinding = "binding"
	// keyConfirmed is until when, in Unix seconds, the person need not confirm again
	// that it is them.
	keyConfirmed = "confirmed"
	// keyCeremony holds the question about a passkey that the browser has to answer.
	keyCeremony = "ceremony"
	keyChoices  = "choices"
)

// sessions gives typed access to what the app keeps for a browser.
type sessions struct {
	scs    *scs.SessionManager
	store  *accounts.Sessions
	secure bool
}

func newSessions(store *accounts.Sessions, base *url.URL) *sessions {
	m := scs.New()
	m.Store = store
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
	recordOf(r.Context()).sessionLoaded = true
	c.SetRequest(r.WithContext(s.store.Track(r.Context())))
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
		s.scs.Put(ctx, keyStaff, true)
	}
	s.store.ForUser(ctx, b)
	s.scs.Put(ctx, keyUser, b.User.ID.String())
	s.scs.Put(ctx, keyCompany, companyID.String())
	s.scs.Put(ctx, keyEpoch, b.User.SessionEpoch)
	s.scs.Put(ctx, keyBinding, rand.Text()+rand.Text())
	return nil
}

// Switch makes the session go on in another company, under a new token. Nothing that
// began in the earlier company can finish in this one.
func (s *sessions) Switch(ctx context.Context, companyID uuid.UUID) error {
	s.store.GoOn(ctx)
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	s.scs.Put(ctx, keyCompany, companyID.String())
	s.scs.Put(ctx, keyBinding, rand.Text()+rand.Text())
	s.scs.Remove(ctx, keyChoices)
	return nil
}

// PassFactor notes that the person has passed the second factor. The session
// continues under a new token, unless it was signed out in the meantime.
func (s *sessions) PassFactor(ctx context.Context) error {
	s.store.GoOn(ctx)
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	s.scs.Put(ctx, keyFactor, true)
	s.scs.Remove(ctx, keyEnrolment)
	return nil
}

// UsedPasskey notes, in a session that has just begun, that the person signed in
// with a passkey. The device has verified the person, so a passkey counts as both
// factors.
func (s *sessions) UsedPasskey(ctx context.Context) { s.scs.Put(ctx, keyFactor, true) }

// Confirm notes that the person has confirmed that it is them.
func (s *sessions) Confirm(ctx context.Context, until time.Time) {
	s.scs.Put(ctx, keyConfirmed, until.Unix())
}

// Confirmed reports whether the person has confirmed a short time ago that it is
// them.
func (s *sessions) Confirmed(ctx context.Context, now time.Time) bool {
	return now.Unix() < s.scs.GetInt64(ctx, keyConfirmed)
}

// KeepCeremony keeps a question about a passkey until the browser answers it.
func (s *sessions) KeepCeremony(ctx context.Context, kept string) { s.scs.Put(ctx, keyCeremony, kept) }

// TakeCeremony returns the question that the session keeps, and removes it.
func (s *sessions) TakeCeremony(ctx context.Context) string { return s.scs.PopString(ctx, keyCeremony) }

// CameFromElsewhere notes, in a session that has just begun, that the staff member
// has signed in at their own issuer.
func (s *sessions) CameFromElsewhere(ctx context.Context) { s.scs.Put(ctx, keyElsewhere, true) }

// GoOn keeps the session when the user's other sessions have ended.
func (s *sessions) GoOn(ctx context.Context, epoch int) { s.scs.Put(ctx, keyEpoch, epoch) }

// Enrolment returns the second factor that is being set up in this session, if any.
func (s *sessions) Enrolment(ctx context.Context) string { return s.scs.GetString(ctx, keyEnrolment) }

// KeepEnrolment keeps an enrollment until it is confirmed.
func (s *sessions) KeepEnrolment(ctx context.Context, kept string) {
	if s.Enrolment(ctx) != kept {
		s.scs.Put(ctx, keyEnrolment, kept)
	}
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
func (s *sessions) BeginStaffTrip(ctx context.Context, trip keptTrip) error {
	trips := append(s.staffTrips(ctx), trip)
	return s.keepStaffTrips(ctx, trips[max(0, len(trips)-staffTripsKept):])
}

// TakeStaffTrip returns the session's authorization with a state, and removes it
// from the session.
func (s *sessions) TakeStaffTrip(ctx context.Context, state string) (keptTrip, bool) {
	trips := s.staffTrips(ctx)
	for i, trip := range trips {
		if subtle.ConstantTimeCompare([]byte(trip.State), []byte(state)) == 1 {
			return trip, s.keepStaffTrips(ctx, slices.Delete(trips, i, i+1)) == nil
		}
	}
	return keptTrip{}, false
}

func (s *sessions) keepStaffTrips(ctx context.Context, trips []keptTrip) error {
	text, err := json.Marshal(trips)
	if err != nil {
		return fmt.Errorf("keep authorizations: %w", err)
	}
	s.scs.Put(ctx, keyStaffTrips, string(text))
	return nil
}

func (s *sessions) staffTrips(ctx context.Context) []keptTrip {
	var trips []keptTrip
	text := s.scs.GetString(ctx, keyStaffTrips)
	if text == "" || json.Unmarshal([]byte(text), &trips) != nil {
		return nil
	}
	return trips
}

// AskFactor makes the session wait for the second factor again.
func (s *sessions) AskFactor(ctx context.Context) { s.scs.Remove(ctx, keyFactor) }

// SignOut ends the session on the server and removes the cookie.
func (s *sessions) SignOut(ctx context.Context) error {
	if err := s.scs.Destroy(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// SignedIn returns who is signed in, if anybody is.
func (s *sessions) SignedIn(ctx context.Context) (signedIn, bool) {
	user, err := uuid.Parse(s.scs.GetString(ctx, keyUser))
	if err != nil {
		return signedIn{}, false
	}
	company, err := uuid.Parse(s.scs.GetString(ctx, keyCompany))
	return signedIn{
		userID: user, companyID: company, epoch: s.scs.GetInt(ctx, keyEpoch),
		staff: s.scs.GetBool(ctx, keyStaff), factor: s.scs.GetBool(ctx, keyFactor), elsewhere: s.scs.GetBool(ctx, keyElsewhere),
	}, err == nil
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
	return secret.New(s.scs.GetString(ctx, keyBinding))
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
func (s *sessions) AddChoice(ctx context.Context, choice models.Choice) (string, error) {
	choices := s.choices(ctx)
	for _, c := range choices {
		if c.Choice == choice {
			return c.ID, nil
		}
	}
	id := rand.Text()[:8]
	choices = append(choices, storedChoice{ID: id, Choice: choice})
	if len(choices) > choicesKept {
		choices = choices[len(choices)-choicesKept:]
	}
	text, err := json.Marshal(choices)
	if err != nil {
		return "", fmt.Errorf("keep choice: %w", err)
	}
	s.scs.Put(ctx, keyChoices, string(text))
	return id, nil
}

// Choice returns a wizard's choice. Without a name, it returns the latest.
func (s *sessions) Choice(ctx context.Context, id string) (string, models.Choice, bool) {
	choices := s.choices(ctx)
	for i := len(choices) - 1; i >= 0; i-- {
		if id == "" || choices[i].ID == id {
			return choices[i].ID, choices[i].Choice, true
		}
	}
	return "", models.Choice{}, false
}

func (s *sessions) choices(ctx context.Context) []storedChoice {
	var choices []storedChoice
	text := s.scs.GetString(ctx, keyChoices)
	if text == "" {
		return nil
	}
	if json.Unmarshal([]byte(text), &choices) != nil {
		return nil // another version of the app wrote it; the wizard starts again
	}
	return choices
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
