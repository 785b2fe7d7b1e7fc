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
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// The keys of session values. Only this file knows them.
const (
	keyUser    = "user"
	keyCompany = "company"
	keyEpoch   = "epoch"
	keyStaff   = "staff"
	// keyFactor says that one of our staff has passed the second factor.
	keyFactor = "factor"
	// keyEnrolment holds a second factor that is being set up, sealed.
	keyEnrolment = "enrolment"
	// keyElsewhere says that one of our staff has signed in at their own issuer.
	keyElsewhere = "elsewhere"
	// keyStaffTrips holds the trips to it that are under way.
	keyStaffTrips = "staff trips"
	// keyBinding holds the random value that authorizations are bound to. It
	// changes at every sign-in, so that none outlives the session it began in.
	keyBinding = "binding"
	keyChoices = "choices"
)

// sessions is typed access to what the app keeps for a browser.
type sessions struct {
	scs    *scs.SessionManager
	store  *models.Sessions
	secure bool
}

func newSessions(store *models.Sessions, base *url.URL) *sessions {
	m := scs.New()
	m.Store = store
	m.Lifetime = models.SessionLifetime
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

// cookieName adds the prefix by which browsers keep other hosts from setting
// the cookie (RFC 6265bis, section 4.1.3.2). It works with https alone.
func (s *sessions) cookieName(name string) string {
	if s.secure {
		return "__Host-fieldbridge_" + name
	}
	return "fieldbridge_" + name
}

// middleware loads the session before a handler and saves it when the answer
// begins. An error is answered inside it: left to Echo, it would be answered
// after the session was saved, and the session saved again.
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
// the request does with it.
func (s *sessions) track(c echo.Context) {
	r := c.Request()
	recordOf(r.Context()).sessionLoaded = true
	c.SetRequest(r.WithContext(s.store.Track(r.Context())))
}

// signedIn is who the session belongs to.
type signedIn struct {
	userID, companyID uuid.UUID
	epoch             int
	// staff says that the session is one of our staff, who have no company, factor
	// that they have passed the second factor, and elsewhere that they have signed
	// in at their own issuer.
	staff, factor, elsewhere bool
}

// SignIn begins a session for the user under a new token, with nothing left of
// what the browser had before.
func (s *sessions) SignIn(ctx context.Context, user models.User, companyID uuid.UUID) error {
	if err := s.scs.Clear(ctx); err != nil {
		return fmt.Errorf("clear session: %w", err)
	}
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	if user.StaffRole != "" {
		s.store.ForStaff(ctx)
		s.scs.Put(ctx, keyStaff, true)
	}
	s.store.ForUser(ctx, user.ID)
	s.scs.Put(ctx, keyUser, user.ID.String())
	s.scs.Put(ctx, keyCompany, companyID.String())
	s.scs.Put(ctx, keyEpoch, user.SessionEpoch)
	s.scs.Put(ctx, keyBinding, rand.Text()+rand.Text())
	return nil
}

// PassFactor notes that one of our staff has passed the second factor. The
// session goes on under a new token, unless it was signed out meanwhile.
func (s *sessions) PassFactor(ctx context.Context) error {
	s.store.GoOn(ctx)
	if err := s.scs.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	s.scs.Put(ctx, keyFactor, true)
	s.scs.Remove(ctx, keyEnrolment)
	return nil
}

// CameFromElsewhere notes, in a session that has just begun, that one of our staff
// has signed in at their own issuer.
func (s *sessions) CameFromElsewhere(ctx context.Context) { s.scs.Put(ctx, keyElsewhere, true) }

// GoOn keeps the session when the user's others have ended.
func (s *sessions) GoOn(ctx context.Context, epoch int) { s.scs.Put(ctx, keyEpoch, epoch) }

// Enrolment is the second factor that is being set up in this session, if any.
func (s *sessions) Enrolment(ctx context.Context) string { return s.scs.GetString(ctx, keyEnrolment) }

// KeepEnrolment keeps it until it is confirmed.
func (s *sessions) KeepEnrolment(ctx context.Context, kept string) {
	if s.Enrolment(ctx) != kept {
		s.scs.Put(ctx, keyEnrolment, kept)
	}
}

// staffTripsKept bounds the trips that are begun side by side.
const staffTripsKept = 5

// keptTrip is what the session keeps of a trip to the staff's issuer: its state as
// a hash, and the rest of it sealed.
type keptTrip struct {
	State, Sealed string
	Until         time.Time
}

// stateName is the hash by which a session knows a trip.
func stateName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}

// BeginStaffTrip remembers a trip to the staff's issuer: each tab has its own.
func (s *sessions) BeginStaffTrip(ctx context.Context, trip keptTrip) error {
	trips := append(s.staffTrips(ctx), trip)
	return s.keepStaffTrips(ctx, trips[max(0, len(trips)-staffTripsKept):])
}

// TakeStaffTrip is the session's trip with the state of a name, which is then kept
// no more.
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
		return fmt.Errorf("keep trips: %w", err)
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

// SignOut ends the session on the server and takes the cookie away.
func (s *sessions) SignOut(ctx context.Context) error {
	if err := s.scs.Destroy(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// SignedIn says who is signed in, if anybody is.
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

// Binding is the value that authorizations of this session are bound to.
func (s *sessions) Binding(ctx context.Context) secret.Value {
	return secret.New(s.scs.GetString(ctx, keyBinding))
}

// storedChoice is a wizard's choice as the session keeps it.
type storedChoice struct {
	ID     string
	Choice models.Choice
}

// choicesKept bounds the wizards that are open side by side.
const choicesKept = 5

// AddChoice keeps what a wizard's first step chose and returns the name by
// which its next steps find it: each tab has its own.
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

// Choice finds a wizard's choice; without a name, the latest.
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
		return nil // from another version of the app; the wizard begins again
	}
	return choices
}

const deviceLife = 180 * 24 * 60 * 60 // seconds

// Device is what the browser keeps of an earlier sign-in, if anything.
func (s *sessions) Device(c echo.Context) string {
	cookie, err := c.Cookie(s.cookieName("device"))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// KeepDevice lets the browser show next time that the account has signed in
// from it before. It signs nobody in.
func (s *sessions) KeepDevice(c echo.Context, device string) {
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure wherever the app is served by https
		Name: s.cookieName("device"), Value: device, Path: "/", MaxAge: deviceLife,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}
