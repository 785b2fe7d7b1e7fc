package testdb

import "fmt"

// Watch makes a database record what Breaches checks later: each change of a
// connection's state, and each write that breaks a rule. exec runs a statement.
func Watch(postgres bool, exec func(statement string, args ...any)) {
	exec("CREATE TABLE watched_changes (connection_id TEXT NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL)")
	exec("CREATE TABLE watched_breaches (what TEXT NOT NULL, connection_id TEXT NOT NULL)")
	for name, t := range map[string]struct{ event, when, then string }{
		"watched_state": {
			"UPDATE ON connections", "NEW.state <> OLD.state",
			"INSERT INTO watched_changes VALUES (NEW.id, OLD.state, NEW.state)",
		},
		"watched_generation": {
			"UPDATE ON connections", "NEW.generation < OLD.generation",
			"INSERT INTO watched_breaches VALUES ('I3: a generation falls', NEW.id)",
		},
		"watched_credential": {
			"UPDATE ON credentials", "NEW.generation < OLD.generation",
			"INSERT INTO watched_breaches VALUES ('I3: a credential''s generation falls', NEW.connection_id)",
		},
		"watched_new_token": {"INSERT ON credentials", "", tokenStored},
		"watched_token":     {"UPDATE ON credentials", "NEW.access_sealed <> OLD.access_sealed", tokenStored},
	} {
		when := ""
		if t.when != "" {
			when = " WHEN (" + t.when + ")"
		}
		if postgres {
			exec("CREATE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + t.then + "; RETURN NULL; END $$")
			exec("CREATE TRIGGER " + name + " AFTER " + t.event + " FOR EACH ROW" + when + " EXECUTE FUNCTION " + name + "()")
			continue
		}
		exec("CREATE TRIGGER " + name + " AFTER " + t.event + " FOR EACH ROW" + when + " BEGIN " + t.then + "; END")
	}
}

const tokenStored = "INSERT INTO watched_breaches SELECT 'I5: a token is stored for a connection that is ' || state, id FROM connections" +
	" WHERE id = NEW.connection_id AND state IN ('pending', 'disconnected', 'reconnect_needed')"

// unlike returns a query for the number of connections on which a kind of change
// happened a different number of times than it was recorded.
func unlike(changes, events, compared string) string {
	return "SELECT count(*) FROM (SELECT id FROM (" +
		"SELECT connection_id AS id, 1 AS n FROM watched_changes WHERE " + changes +
		" UNION ALL SELECT CAST(connection_id AS TEXT), -1 FROM events WHERE connection_id IS NOT NULL AND " + events +
		") AS lines GROUP BY id HAVING sum(n) " + compared + ") AS differ"
}

// invariants are queries that must each count zero. I1 and I2 are rules for the requests
// that a client sends; sandboxtest checks those.
var invariants = []struct{ what, query string }{
	{"I3: a connection and its credential have other generations", "SELECT count(*) FROM connections c JOIN credentials r ON r.connection_id = c.id WHERE r.generation <> c.generation"},
	{"I4: a credential is of another company than its connection", "SELECT count(*) FROM credentials r JOIN connections c ON c.id = r.connection_id WHERE c.company_id <> r.company_id"},
	{"I4: an event is of another company than its connection", "SELECT count(*) FROM events e JOIN connections c ON c.id = e.connection_id WHERE c.company_id <> e.company_id"},
	{"I5: a credential outlives its connection", "SELECT count(*) FROM credentials r JOIN connections c ON c.id = r.connection_id WHERE c.state IN ('disconnected', 'pending')"},
	{"I6: a connection that works is never due", "SELECT count(*) FROM credentials r JOIN connections c ON c.id = r.connection_id WHERE c.state IN ('connected', 'degraded') AND r.due_at IS NULL"},
	{"I6: a connection that works has no credential", "SELECT count(*) FROM connections c WHERE c.state IN ('connected', 'degraded') AND NOT EXISTS (SELECT 1 FROM credentials r WHERE r.connection_id = c.id)"},
	{"I7: a connection that was refused is due", "SELECT count(*) FROM credentials r JOIN connections c ON c.id = r.connection_id WHERE c.state = 'reconnect_needed' AND r.due_at IS NOT NULL"},
	{"I8: retrying", unlike("became = 'degraded'", "kind = 'retrying'", "<> 0")},
	{"I8: reconnect needed", unlike("became = 'reconnect_needed'", "kind = 'reconnect_needed'", "<> 0")},
	{"I8: disconnected", unlike("became = 'disconnected' AND was <> 'pending'", "kind = 'disconnected'", "<> 0")},
	{"I8: recovered", unlike("became = 'connected' AND was = 'degraded'", "kind = 'recovered'", "< 0")},
	// Reconnecting a connection that works makes an event without a change.
	{"I8: connected", unlike("became = 'connected'", "kind IN ('connected', 'reconnected', 'recovered', 'secret_replaced')", "> 0")},
}

// Breaches returns the invariants that a watched database breaks. count runs a query
// that counts.
func Breaches(count func(query string, args ...any) int) []string {
	var breaches []string
	for _, i := range invariants {
		if n := count(i.query); n != 0 {
			breaches = append(breaches, fmt.Sprintf("%s: %d", i.what, n))
		}
	}
	for _, what := range []string{"I3", "I5"} {
		if n := count("SELECT count(*) FROM watched_breaches WHERE what LIKE ?", what+"%"); n != 0 {
			breaches = append(breaches, fmt.Sprintf("%s: %d writes that break this rule", what, n))
		}
	}
	return breaches
}
