package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// floor is the least that could connect a contractor. It is written only for
// BenchmarkFlow, with net/http, x/oauth2, and database/sql. It commits what the product
// commits, equally durably, with one writer that groups writes like the product's. But
// it has no framework, no templates, no log, and no headers. Of each page and error, it
// has only what the successful case needs. The benchmark compares the product with it.
type floor struct {
	reader *sql.DB
	writer *floorWriter
	aead   tink.AEAD
	oauth  *oauth2.Config
	http   *http.Client
	appKey string
	filler string // makes the page as large as the product's

	// These read, on any connection of the pool.
	findSession, findConnection, findEvents *sql.Stmt
	// These write, only on the writer's connection.
	saveSession, begin, claim, saveConnection, saveCredential, saveEvent, finish *sql.Stmt
}

const floorSchema = `
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, name TEXT NOT NULL, company_id TEXT NOT NULL, company TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (token BLOB PRIMARY KEY, user_id TEXT NOT NULL, data BLOB NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS authorizations (state BLOB PRIMARY KEY, binding BLOB NOT NULL, tenant_id INTEGER NOT NULL, verifier BLOB NOT NULL,
	expires_at INTEGER NOT NULL, claimed_at INTEGER, finished_at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connections (id TEXT PRIMARY KEY, company_id TEXT NOT NULL, tenant_id INTEGER NOT NULL UNIQUE, tenant TEXT NOT NULL,
	units INTEGER NOT NULL, by TEXT NOT NULL, renewed_at INTEGER NOT NULL, generation INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credentials (connection_id TEXT PRIMARY KEY, access BLOB NOT NULL, refresh BLOB NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, connection_id TEXT NOT NULL, kind TEXT NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_connection ON events (connection_id, id);`

// newFloor returns the handler of a floor.
func newFloor(ctx context.Context, r role) (http.Handler, error) {
	f, err := openFloor(ctx, r.Database)
	if err != nil {
		return nil, err
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	if f.aead, err = aead.New(handle); err != nil {
		return nil, err
	}
	f.filler, f.appKey = strings.Repeat("x", r.Size), "ak1.bench"
	f.oauth = &oauth2.Config{
		ClientID: "cid.bench", ClientSecret: "cs1.bench", RedirectURL: r.Base + "/callback", Scopes: strings.Fields(defaultScopes),
		Endpoint: oauth2.Endpoint{AuthURL: r.Issuer + "/connect/authorize", TokenURL: r.Issuer + "/connect/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	f.http = &http.Client{Transport: servicetitan.NewTransport(), Timeout: 10 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /connect", f.member(f.choose))
	mux.HandleFunc("POST /connect/authorize", f.member(f.authorize))
	mux.HandleFunc("GET /callback", f.member(f.callback))
	mux.HandleFunc("GET /connections/{id}", f.member(f.show))
	return mux, nil
}

func openFloor(ctx context.Context, database string) (*floor, error) {
	dsn := "file:" + database + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000"
	reader, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, err
	}
	reader.SetMaxOpenConns(4)
	reader.SetMaxIdleConns(4)
	if _, err := reader.ExecContext(ctx, floorSchema); err != nil {
		return nil, err
	}
	f := &floor{reader: reader}
	if f.writer, err = newFloorWriter(ctx, dsn); err != nil {
		return nil, err
	}
	for statement, into := range map[string]**sql.Stmt{
		`SELECT u.id, u.name, u.company_id, u.company, s.data FROM sessions s JOIN users u ON u.id = s.user_id
			WHERE s.token = ? AND s.expires_at > ?`: &f.findSession,
		`SELECT tenant_id, tenant, units, by, renewed_at FROM connections WHERE id = ? AND company_id = ?`: &f.findConnection,
		`SELECT kind, by, at FROM events WHERE connection_id = ? ORDER BY id DESC LIMIT 50`:                &f.findEvents,
	} {
		if *into, err = reader.PrepareContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	for statement, into := range map[string]**sql.Stmt{
		`UPDATE sessions SET data = ? WHERE token = ?`:                                                        &f.saveSession,
		`INSERT INTO authorizations (state, binding, tenant_id, verifier, expires_at) VALUES (?, ?, ?, ?, ?)`: &f.begin,
		`UPDATE authorizations SET claimed_at = ? WHERE state = ? AND binding = ? AND claimed_at IS NULL AND expires_at > ?
			RETURNING tenant_id, verifier`: &f.claim,
		`INSERT INTO connections (id, company_id, tenant_id, tenant, units, by, renewed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (tenant_id) DO UPDATE SET generation = generation + 1, renewed_at = excluded.renewed_at
			WHERE company_id = excluded.company_id RETURNING id`: &f.saveConnection,
		`INSERT OR REPLACE INTO credentials (connection_id, access, refresh, expires_at) VALUES (?, ?, ?, ?)`: &f.saveCredential,
		`INSERT INTO events (id, connection_id, kind, by, at) VALUES (?, ?, 'connected', ?, ?)`:               &f.saveEvent,
		`UPDATE authorizations SET finished_at = ? WHERE state = ?`:                                           &f.finish,
	} {
		if *into, err = f.writer.conn.PrepareContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *floor) close() {
	f.writer.close()
	_ = f.reader.Close()
}

// startFloor starts a floor, and returns clients with a session each.
func startFloor(b testing.TB, r role, n int) []*client {
	b.Helper()
	r.Name = playFloor
	f, err := openFloor(b.Context(), r.Database)
	if err != nil {
		b.Fatal(err)
	}
	clients := make([]*client, n)
	for i := range clients {
		token, user := rand.Text(), uuid.NewString()
		data, err := json.Marshal(floorSession{Binding: rand.Text() + rand.Text()})
		if err != nil {
			b.Fatal(err)
		}
		err = f.writer.write(func() error {
			_, first := f.writer.conn.ExecContext(b.Context(), `INSERT INTO users VALUES (?, 'Dana Whitfield', ?, 'Northgate Heating')`, user, uuid.NewString())
			_, second := f.writer.conn.ExecContext(b.Context(), `INSERT INTO sessions VALUES (?, ?, ?, ?)`, digest(token), user, data, time.Now().Add(time.Hour).Unix())
			return errors.Join(first, second)
		})
		if err != nil {
			b.Fatal(err)
		}
		clients[i] = newClient("")
		clients[i].cookies = "session=" + token
		b.Cleanup(clients[i].transport.CloseIdleConnections)
	}
	f.close()
	base := r.start(b)
	for _, c := range clients {
		c.base = base
	}
	return clients
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// floorSession is the content of a session.
type floorSession struct {
	Binding string
	Choices []floorChoice
}

type floorChoice struct {
	ID     string
	Tenant int64
}

// floorVisitor is the person who sends a request.
type floorVisitor struct {
	floorSession
	token                          []byte
	user, name, companyID, company string
}

var errFloor = errors.New("not the good case")

// member accepts people who are signed in, and answers 500 to any error.
func (f *floor) member(next func(http.ResponseWriter, *http.Request, floorVisitor) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := func() error {
			cookie, err := r.Cookie("session")
			if err != nil {
				return err
			}
			v := floorVisitor{token: digest(cookie.Value)}
			var data []byte
			if err := f.findSession.QueryRowContext(r.Context(), v.token, time.Now().Unix()).
				Scan(&v.user, &v.name, &v.companyID, &v.company, &data); err != nil {
				return err
			}
			if err := json.Unmarshal(data, &v.floorSession); err != nil {
				return err
			}
			return next(w, r, v)
		}()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

func (f *floor) choose(w http.ResponseWriter, r *http.Request, v floorVisitor) error {
	tenant, err := strconv.ParseInt(r.PostFormValue("tenant"), 10, 64)
	if err != nil {
		return err
	}
	choice := floorChoice{ID: rand.Text()[:8], Tenant: tenant}
	v.Choices = append(v.Choices, choice)
	if len(v.Choices) > 5 {
		v.Choices = v.Choices[len(v.Choices)-5:]
	}
	data, err := json.Marshal(v.floorSession)
	if err != nil {
		return err
	}
	if err := f.writer.write(func() error {
		_, err := f.saveSession.Exec(data, v.token)
		return err
	}); err != nil {
		return err
	}
	http.Redirect(w, r, "/connect/review?choice="+choice.ID, http.StatusSeeOther)
	return nil
}

func (f *floor) authorize(w http.ResponseWriter, r *http.Request, v floorVisitor) error {
	id := r.PostFormValue("choice")
	for _, choice := range v.Choices {
		if choice.ID != id {
			continue
		}
		state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
		sealed, err := f.aead.Encrypt([]byte(verifier), []byte("verifier|"+state))
		if err != nil {
			return err
		}
		if err := f.writer.write(func() error {
			_, err := f.begin.Exec(digest(state), digest(v.Binding), choice.Tenant, sealed, time.Now().Add(10*time.Minute).Unix())
			return err
		}); err != nil {
			return err
		}
		http.Redirect(w, r, f.oauth.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier),
			oauth2.SetAuthURLParam("acr_values", fmt.Sprint("tenant:", choice.Tenant))), http.StatusSeeOther)
		return nil
	}
	return errFloor
}

func (f *floor) callback(w http.ResponseWriter, r *http.Request, v floorVisitor) error {
	q := r.URL.Query()
	state := q.Get("state")
	var tenant int64
	var sealed []byte
	if err := f.writer.write(func() error {
		now := time.Now().Unix()
		return f.claim.QueryRow(now, digest(state), digest(v.Binding), now).Scan(&tenant, &sealed)
	}); err != nil {
		return err
	}
	verifier, err := f.aead.Decrypt(sealed, []byte("verifier|"+state))
	if err != nil {
		return err
	}
	ctx := context.WithValue(r.Context(), oauth2.HTTPClient, f.http)
	token, err := f.oauth.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(string(verifier)))
	if err != nil {
		return err
	}
	units, name, err := f.check(ctx, token.AccessToken, tenant)
	if err != nil {
		return err
	}
	id := uuid.Must(uuid.NewV7()).String()
	if err := f.writer.write(func() error { return f.save(&id, v, tenant, name, units, token, state) }); err != nil {
		return err
	}
	http.Redirect(w, r, "/connections/"+id+"?done=connected", http.StatusSeeOther)
	return nil
}

// check proves that the token works for the tenant.
func (f *floor) check(ctx context.Context, access string, tenant int64) (units int, name string, err error) {
	u, err := url.Parse(f.oauth.Endpoint.TokenURL)
	if err != nil {
		return 0, "", err
	}
	address := fmt.Sprintf("%s://%s/settings/v2/tenant/%d/business-units?page=1&pageSize=1&includeTotal=true", u.Scheme, u.Host, tenant)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+access)
	r.Header.Set("ST-App-Key", f.appKey)
	resp, err := f.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		TotalCount int `json:"totalCount"`
		Data       []struct {
			Tenant struct {
				ID   int64  `json:"id"`
				Name string `json:"name"`
			} `json:"tenant"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, "", err
	}
	if resp.StatusCode != http.StatusOK || len(answer.Data) == 0 || answer.Data[0].Tenant.ID != tenant {
		return 0, "", errFloor
	}
	return answer.TotalCount, answer.Data[0].Tenant.Name, nil
}

// save runs on the writer. If the tenant was connected before, it sets the ID to that
// connection's.
func (f *floor) save(id *string, v floorVisitor, tenant int64, name string, units int, token *oauth2.Token, state string) error {
	now := time.Now().Unix()
	if err := f.saveConnection.QueryRow(*id, v.companyID, tenant, name, units, v.name, now).Scan(id); err != nil {
		return err
	}
	access, err := f.aead.Encrypt([]byte(token.AccessToken), []byte("access|"+*id))
	if err != nil {
		return err
	}
	refresh, err := f.aead.Encrypt([]byte(token.RefreshToken), []byte("refresh|"+*id))
	if err != nil {
		return err
	}
	if _, err := f.saveCredential.Exec(*id, access, refresh, token.Expiry.Unix()); err != nil {
		return err
	}
	if _, err := f.saveEvent.Exec(uuid.Must(uuid.NewV7()).String(), *id, v.name, now); err != nil {
		return err
	}
	_, err = f.finish.Exec(now, digest(state))
	return err
}

func (f *floor) show(w http.ResponseWriter, r *http.Request, v floorVisitor) error {
	var tenant, renewed int64
	var name, by string
	var units int
	id := r.PathValue("id")
	if err := f.findConnection.QueryRowContext(r.Context(), id, v.companyID).Scan(&tenant, &name, &units, &by, &renewed); err != nil {
		return err
	}
	rows, err := f.findEvents.QueryContext(r.Context(), id)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var page bytes.Buffer
	page.Grow(len(f.filler))
	fmt.Fprintf(&page, "<!doctype html><title>Connection</title><p>%s, %s<h1>%s</h1><p>Tenant %d, %d business units, connected by %s, renewed %s<ul>",
		html.EscapeString(v.name), html.EscapeString(v.company), html.EscapeString(name), tenant, units, html.EscapeString(by),
		time.Unix(renewed, 0).UTC().Format(time.RFC1123))
	for rows.Next() {
		var kind string
		var at int64
		if err := rows.Scan(&kind, &by, &at); err != nil {
			return err
		}
		fmt.Fprintf(&page, "<li>%s by %s, %s", kind, html.EscapeString(by), time.Unix(at, 0).UTC().Format(time.RFC1123))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	page.WriteString("</ul><p>")
	if missing := len(f.filler) - page.Len(); missing > 0 {
		page.WriteString(f.filler[:missing])
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = w.Write(page.Bytes())
	return err
}

// floorWriter commits the writes that wait at the same moment together, each behind a
// savepoint.
type floorWriter struct {
	pool  *sql.DB
	conn  *sql.Conn
	queue chan floorWrite
	done  chan struct{}

	begin, savepoint, undo, release, commit *sql.Stmt
}

type floorWrite struct {
	run    func() error
	answer chan error
}

func newFloorWriter(ctx context.Context, dsn string) (*floorWriter, error) {
	pool, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, err
	}
	w := &floorWriter{pool: pool, queue: make(chan floorWrite, 128), done: make(chan struct{})}
	if w.conn, err = pool.Conn(ctx); err != nil {
		return nil, err
	}
	for statement, into := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE": &w.begin, "SAVEPOINT one": &w.savepoint, "ROLLBACK TO one": &w.undo,
		"RELEASE one": &w.release, "COMMIT": &w.commit,
	} {
		if *into, err = w.conn.PrepareContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	go w.loop()
	return w, nil
}

func (w *floorWriter) write(run func() error) error {
	p := floorWrite{run: run, answer: make(chan error, 1)}
	w.queue <- p
	return <-p.answer
}

func (w *floorWriter) loop() {
	defer close(w.done)
	var group []floorWrite
	var faults []error
	for first := range w.queue {
		group = append(group[:0], first)
		for len(group) < cap(w.queue) && len(w.queue) > 0 {
			group = append(group, <-w.queue)
		}
		faults = faults[:0]
		_, fatal := w.begin.Exec()
		for _, p := range group {
			_, err := w.savepoint.Exec()
			fatal = errors.Join(fatal, err)
			fault := p.run()
			if fault != nil {
				_, err = w.undo.Exec()
				fatal = errors.Join(fatal, err)
			}
			_, err = w.release.Exec()
			fatal = errors.Join(fatal, err)
			faults = append(faults, fault)
		}
		_, err := w.commit.Exec()
		fatal = errors.Join(fatal, err)
		for i, p := range group {
			p.answer <- errors.Join(fatal, faults[i])
		}
	}
}

func (w *floorWriter) close() {
	close(w.queue)
	<-w.done
	_ = w.conn.Close()
	_ = w.pool.Close()
}
