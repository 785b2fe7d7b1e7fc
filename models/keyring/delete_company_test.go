package keyring_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// notAboutCompanies are the tables that have nothing about a company or a person of
// one. Whoever adds a table either adds it here, or adds a row with the mark to
// doomed and decides what a deletion does to it.
var notAboutCompanies = []string{
	"call_budgets",   // of tenants only, for two hours
	"outages",        // of environments
	"outage_results", // of connections by their IDs alone, packed, for two minutes
	"connection_totals", "demo", "goose_db_version", "key_canary", "keys_in_use", "log_key", "renewal_hours", "schema_compatibility",
	"saved_views",      // of staff only
	"staff_identities", // of staff only
	"throttles",        // by hashes only
}

// mark is in everything that somebody typed or that is secret.
const mark = "zzmark"

// doomedCompany is a company of which every table has something.
type doomedCompany struct {
	*modeltest.SupportTest
	owner, both accounts.Visitor
	// ids are those of the company, its connections, and its people.
	ids []string
}

// doomed fills the database. Everything about the company has the mark.
func doomed(d *modeltest.SupportTest) *doomedCompany {
	d.Helper()
	now := d.DB.Now()
	c := &doomedCompany{SupportTest: d}
	visitor := func(id uuid.UUID) accounts.Visitor {
		return accounts.Visitor{UserID: id, CompanyID: d.CompanyID, Role: accounts.Owner, Name: mark + " Amy", SupportCode: "FB-AAAA-AAAA"}
	}
	c.owner, c.both = visitor(d.Person(mark+"-amy", accounts.Owner)), visitor(d.Person("both", accounts.Owner))
	mel := d.Person(mark+"-mel", accounts.Member)
	connections := append(d.Seed(2, now, now), d.SeedOwn(1, now, now)...)
	pending, setup := database.NewID(), database.NewID()
	other := accounts.Company{ID: database.NewID(), Name: "Blue Sky", CreatedAt: now}
	staff := d.Staff("Sam", accounts.Admin)
	d.Must(d.Accounts.ChangeCompany(d.Context(), c.owner, mark+" Heating", "America/New_York"))
	d.Must(d.Accounts.ChooseRecipients(d.Context(), c.owner, map[uuid.UUID]bool{mel: true}))
	d.Must(d.Support.AddNote(d.Context(), staff, connections[0], mark+" called"))
	sealed := append([]byte{1}, mark...)
	d.Write(func(tx *gorm.DB) error {
		var errs []error
		add := func(table string, row map[string]any) { errs = append(errs, tx.Table(table).Create(row).Error) }
		errs = append(errs, accounts.CreateCompany(tx, &other), tx.Create(&accounts.Membership{CompanyID: other.ID, UserID: c.both.UserID, Role: accounts.Member, CreatedAt: now}).Error)
		errs = append(errs, tx.Create(&models.Connection{
			ID: pending, CompanyID: d.CompanyID, Environment: "sandbox", TenantID: 900, Way: models.GuidedWay, State: models.Pending, SettingUp: true, CreatedAt: now, UpdatedAt: now,
		}).Error)
		errs = append(errs, tx.Create(&models.Setup{
			ID: setup, ConnectionID: pending, CompanyID: d.CompanyID, Environment: "sandbox", TenantID: 900, Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Since: now,
			RequestedByName: mark, RequestedAt: now, TenantAddedAt: &now, AllowedByName: mark, AllowedAt: &now,
			Proof: models.Proof{Name: mark, Role: mark, Channel: models.CalledBack, Contact: mark, ReachedAt: &now, ByName: "Sam", At: &now},
		}).Error)
		errs = append(errs, tx.Exec("UPDATE connections SET tenant_name = ?, nickname = ?, connected_by_name = ?, connected_by_id = ?, business_units = 4", mark, mark, mark, c.owner.UserID).Error)
		for _, user := range []uuid.UUID{c.owner.UserID, mel} {
			add("passkeys", map[string]any{
				"id": database.NewID(), "user_id": user, "credential_id": []byte(mark + user.String()), "public_key": []byte(mark), "sign_count": 1,
				"backup_eligible": false, "backed_up": false, "transports": "", "name": mark, "created_at": now,
			})
			add("recovery_codes", map[string]any{"user_id": user, "code_hash": []byte(mark)})
			add("second_factors", map[string]any{"user_id": user, "secret_sealed": sealed, "created_at": now})
			add("sessions", map[string]any{"token": mark + user.String(), "data": []byte(mark), "expires_at": now.Add(time.Hour), "seen_at": now, "staff": false, "user_id": user})
			errs = append(errs, tx.Exec("UPDATE users SET new_email = ? WHERE id = ?", mark+"-new@x.example", mel).Error)
			add("account_mails", map[string]any{"id": database.NewID(), "recipient": mark + "-new@x.example", "kind": "confirm_email", "created_at": now})
			add("authorizations", map[string]any{
				"state_hash": []byte(mark + user.String()), "binding_hash": []byte(mark), "company_id": d.CompanyID, "user_id": user, "environment": "sandbox", "tenant_id": 1,
				"way": "sign_in", "purpose": "connect", "verifier_sealed": sealed, "created_at": now, "expires_at": now,
			})
			add("sign_ins", map[string]any{
				"hour": "2026-11-29T12", "scope": d.CompanyID.String(), "subject": user.String(), "action": "sign_in", "outcome": "ok", "address": mark,
				"n": 1, "support_code": "", "first_at": now, "last_at": now,
			})
		}
		add("authorizations", map[string]any{
			"state_hash": []byte(mark + "both"), "binding_hash": []byte(mark), "company_id": d.CompanyID, "user_id": c.both.UserID, "environment": "sandbox", "tenant_id": 1,
			"way": "sign_in", "purpose": "connect", "verifier_sealed": sealed, "created_at": now, "expires_at": now,
		})
		add("account_mails", map[string]any{"id": database.NewID(), "user_id": c.owner.UserID, "recipient": mark + "-amy@northgate.example", "kind": "sign_in_tries", "created_at": now})
		add("account_mails", map[string]any{"id": database.NewID(), "recipient": mark + "-mel@northgate.example", "kind": "sign_up", "created_at": now})
		add("account_mails", map[string]any{"id": database.NewID(), "recipient": "guest-" + mark + "@x.example", "company_id": d.CompanyID, "kind": "invitation", "created_at": now})
		key := database.NewID()
		add("api_keys", map[string]any{
			"id": key, "company_id": d.CompanyID, "name": mark, "key_hash": []byte("hash"), "refused_address": mark,
			"scopes": "proxy", "caller_name": mark, "return_urls": mark, "last_used_address": mark, "created_at": now,
		})
		add("idempotency_keys", map[string]any{
			"id": database.NewID(), "key_id": key, "key_hash": []byte(mark), "fingerprint": []byte(mark), "claim": mark, "claimed_at": now,
			"answer_sealed": sealed, "created_at": now,
		})
		add("call_hours", map[string]any{"connection_id": connections[0], "hour": "2026-11-29T12", "n": 1, "refused": 0, "last_at": now})
		add("failures", map[string]any{
			"id": database.NewID(), "support_code": "FB-" + mark, "at": now, "method": "GET", "route": "/connections/:id", "status": 500, "kind": "internal-error", "reason": "",
			"company_id": d.CompanyID, "connection_id": connections[0], "user_id": c.owner.UserID, "staff": false, "millis": 1,
		})
		add("token_reads", map[string]any{"connection_id": connections[0], "hour": "2026-11-29T12", "key_id": database.NewID(), "address": mark, "n": 1, "first_at": now, "last_at": now})
		add("checks", map[string]any{"connection_id": connections[0], "company_id": d.CompanyID, "environment": "sandbox"})
		add("renewal_days", map[string]any{"connection_id": connections[0], "day": "2026-11-29", "ok": 1, "failed": 0})
		add("mails", map[string]any{"id": database.NewID(), "company_id": d.CompanyID, "connection_id": connections[0], "kind": "works_again", "recipient": mark + "@x.example", "created_at": now})
		add("queue_marks", map[string]any{
			"source": "secret", "item_id": connections[0], "company_id": d.CompanyID, "version": 1, "snooze_reason": mark, "change": "snoozed", "changed_by_id": database.NewID(), "changed_at": now,
		})
		add("staff_tasks", map[string]any{"id": database.NewID(), "kind": "tenant_conflict", "company_id": d.CompanyID, "connection_id": connections[0], "created_at": now})
		operators, own := database.NewID(), database.NewID() // webhook endpoints
		for id, company := range map[uuid.UUID]any{operators: nil, own: d.CompanyID} {
			text := "operator"
			if company != nil {
				text = mark
			}
			add("webhook_endpoints", map[string]any{
				"id": id, "company_id": company, "url": "https://" + text + ".example/", "description": text, "types": "",
				"secret_sealed": append([]byte{1}, text...), "created_at": now,
			})
			message, delivery := database.NewID(), database.NewID()
			add("webhook_messages", map[string]any{
				"id": message, "type": "connection.connected", "company_id": d.CompanyID, "order_key": connections[0], "created_at": now,
				"body": `{"data":{"company_name":"` + mark + `"}}`,
			})
			add("webhook_deliveries", map[string]any{
				"id": delivery, "endpoint_id": id, "company_id": company, "message_id": message, "type": "connection.connected", "order_key": connections[0],
				"state": "pending", "next_try_at": now, "created_at": now,
			})
			errs = append(errs, tx.Exec("INSERT INTO webhook_attempts SELECT seq, 1, created_at, 500, 1, ?, '' FROM webhook_deliveries WHERE id = ?", mark, delivery).Error)
		}
		session := database.NewID()
		add("connect_sessions", map[string]any{
			"id": session, "key_id": key, "company_id": d.CompanyID, "reference": mark, "caller_name": mark, "return_url": mark, "ways": "sign_in",
			"metadata": mark, "binding_hash": []byte(mark), "status": "opened", "created_at": now, "expires_at": now.Add(time.Hour),
		})
		add("authorizations", map[string]any{
			"state_hash": []byte(mark + "session"), "binding_hash": []byte(mark), "company_id": d.CompanyID, "session_id": session, "environment": "sandbox", "tenant_id": 1,
			"way": "sign_in", "purpose": "connect", "verifier_sealed": sealed, "created_at": now, "expires_at": now,
		})
		ask, invitation := database.NewID(), database.NewID()
		add("asks", map[string]any{
			"id": ask, "company_id": d.CompanyID, "asker_id": c.owner.UserID, "environment": "sandbox", "tenant_id": 1, "way": "sign_in", "connection_id": connections[0],
			"binding_hash": []byte(mark), "admin_name": mark, "created_at": now, "expires_at": now.Add(time.Hour),
		})
		add("invitations", map[string]any{
			"id": invitation, "company_id": d.CompanyID, "email": "guest-" + mark + "@x.example", "role": "member", "invited_by": c.owner.UserID,
			"created_at": now, "sent_at": now, "expires_at": now.Add(time.Hour),
		})
		for _, link := range []accounts.Link{
			{Purpose: accounts.LinkInvitation, SubjectID: &invitation, Email: mark + "@x.example"},
			{Purpose: accounts.LinkAsk, SubjectID: &ask, Email: mark},
			{Purpose: accounts.LinkReset, UserID: &mel, Email: mark},
			{Purpose: accounts.LinkEmail, Email: mark + "-amy@northgate.example"},
		} {
			_, err := accounts.MakeLink(tx, link, now)
			errs = append(errs, err)
		}
		for range 3 {
			errs = append(errs, models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &connections[1], Kind: models.EventSetupConfirmed, ActorName: mark, StaffName: "Sam", Detail: mark, At: now}))
		}
		return errors.Join(errs...)
	})
	d.Must(d.Accounts.AskDeletion(d.Context(), c.owner, mark+" heating", []int64{1, 2}))
	c.ids = []string{d.CompanyID.String(), c.owner.UserID.String(), mel.String(), pending.String(), setup.String()}
	for _, id := range connections {
		c.ids = append(c.ids, id.String())
	}
	return c
}

// cell is a value of a row, as text.
type cell struct{ table, column, value string }

// rows returns all rows of all tables, with the columns that are not empty.
func (c *doomedCompany) rows() [][]cell {
	c.Helper()
	db := c.DB.Read(c.Context())
	var columns []struct{ TableName, ColumnName, DataType string }
	query := "SELECT m.name AS table_name, p.name AS column_name, p.type AS data_type FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'watched_%' ORDER BY m.name"
	if c.DB.OnPostgres() {
		query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE 'watched_%' ORDER BY table_name"
	}
	if err := db.Raw(query).Scan(&columns).Error; err != nil || len(columns) < 100 {
		c.Fatalf("%d columns, %v", len(columns), err)
	}
	byTable, tables := map[string][]string{}, []string{}
	for _, column := range columns {
		text := "CAST(" + column.ColumnName + " AS TEXT)"
		switch strings.ToLower(column.DataType) {
		case "bytea":
			text = "encode(" + column.ColumnName + ", 'hex')"
		case "blob":
			text = "hex(" + column.ColumnName + ")"
		}
		if byTable[column.TableName] == nil {
			tables = append(tables, column.TableName)
		}
		byTable[column.TableName] = append(byTable[column.TableName], "coalesce("+text+", '') AS "+column.ColumnName)
	}
	var all [][]cell
	for _, table := range tables {
		n := 0
		for _, values := range c.read("SELECT "+strings.Join(byTable[table], ", ")+" FROM "+table, len(byTable[table])) {
			n++
			var cells []cell
			for i, text := range values {
				if decoded, err := hex.DecodeString(text); err == nil && len(text) > 1 && !regexp.MustCompile(`^\d+$`).MatchString(text) {
					text = string(decoded)
				}
				if text != "" && text != "0" && text != "false" {
					expression := byTable[table][i]
					cells = append(cells, cell{table, expression[strings.LastIndex(expression, " ")+1:], text})
				}
			}
			all = append(all, cells)
		}
		if n == 0 {
			all = append(all, []cell{{table: table}})
		}
	}
	return all
}

// read returns the rows of a query for texts.
func (c *doomedCompany) read(query string, columns int) (all [][]string) {
	c.Helper()
	rows, err := c.DB.Read(c.Context()).Raw(query).Rows()
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		texts := make([]string, columns)
		into := make([]any, columns)
		for i := range texts {
			into[i] = &texts[i]
		}
		if err := rows.Scan(into...); err != nil {
			c.Fatal(err)
		}
		all = append(all, texts)
	}
	if err := rows.Err(); err != nil {
		c.Fatal(err)
	}
	return all
}

// about says whether a row names the company, one of its people, or one of its
// connections.
func (c *doomedCompany) about(row []cell) bool {
	return slices.ContainsFunc(row, func(v cell) bool {
		return slices.ContainsFunc(c.ids, func(id string) bool { return strings.Contains(v.value, id) }) || strings.Contains(strings.ToLower(v.value), mark)
	})
}

// documented reads which columns of which tables remain, from the README.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	readme, err := os.ReadFile("../../cmd/fieldbridge/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## What remains after a company is deleted\n")
	section, _, _ = strings.Cut(section, "\n## ")
	remains := map[string][]string{}
	for _, line := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|([^|]+)\\|").FindAllStringSubmatch(section, -1) {
		for _, column := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(line[2], -1) {
			remains[line[1]] = append(remains[line[1]], column[1])
		}
	}
	return remains
}

// After a deletion, no name, address, or secret of the company's people is anywhere
// in the database, and what remains is what the README lists. People who belong to
// another company keep their account.
func TestDeletionReadsWholeDatabase(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		c := doomed(d)
		before, schema := map[string]bool{}, map[string]bool{}
		for _, row := range c.rows() {
			for _, v := range row {
				schema[v.table] = true
				before[v.table] = before[v.table] || c.about(row)
			}
		}
		for table := range schema {
			if len(schema) < 30 {
				t.Fatalf("%d tables", len(schema))
			}
			if before[table] == slices.Contains(notAboutCompanies, table) && table != "revocations" {
				t.Errorf("table %s has something about the company: %t", table, before[table])
			}
		}
		d.Clock.Add(accounts.DeletionWait - time.Minute)
		d.Must(keyring.DeleteCompanies(t.Context(), d.DB, d.Connections))
		if _, err := d.Accounts.Visitor(t.Context(), c.owner.UserID, d.CompanyID, 0); err != nil {
			t.Errorf("before its time: %v", err)
		}
		d.Clock.Add(2 * time.Minute)
		d.Must(keyring.DeleteCompanies(t.Context(), d.DB, d.Connections))

		remains, seen := documented(t), map[string]bool{}
		for _, row := range c.rows() {
			if !c.about(row) {
				continue
			}
			for _, v := range row {
				seen[v.table] = true
				if strings.Contains(strings.ToLower(v.value), mark) || strings.Contains(v.value, "@northgate.example") {
					t.Errorf("%s.%s still has %q", v.table, v.column, v.value)
				}
				if !slices.Contains(remains[v.table], v.column) {
					t.Errorf("%s.%s still has %q, and the README does not say so", v.table, v.column, v.value)
				}
			}
		}
		for table := range remains {
			if !seen[table] && table != "revocations" { // ServiceTitan has withdrawn the access already
				t.Errorf("the README says that something remains in %s, and nothing does", table)
			}
		}
		if n := d.Count("SELECT count(*) FROM credentials"); n != 0 {
			t.Errorf("%d credentials are left", n)
		}
		if n := d.Count("SELECT count(*) FROM revocations"); n != 0 {
			t.Errorf("%d accesses are not withdrawn", n)
		}
		var both accounts.User
		if err := d.DB.Read(t.Context()).Where("id = ?", c.both.UserID).Take(&both).Error; err != nil || both.Email != "both@northgate.example" || both.DisabledAt != nil {
			t.Errorf("the person with another company: %+v, %v", both, err)
		}
		if n := d.Count("SELECT count(*) FROM memberships"); n != 1 {
			t.Errorf("%d memberships are left", n)
		}
		if _, err := d.Accounts.Visitor(t.Context(), c.both.UserID, d.CompanyID, both.SessionEpoch); !errors.Is(err, accounts.ErrNoMembership) {
			t.Errorf("a visit of the deleted company: %v", err)
		}
		for _, again := range []int64{1, 2} { // nothing is left to do
			if n := d.Count("SELECT count(*) FROM companies WHERE deletion_at IS NOT NULL"); n != 0 {
				t.Errorf("run %d: %d companies wait", again, n)
			}
			d.Must(keyring.DeleteCompanies(t.Context(), d.DB, d.Connections))
		}
	})
}

// A deletion that is interrupted after any step continues, also on another instance
// and at the same time on two.
func TestDeletionContinues(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		c := doomed(d)
		d.Clock.Add(accounts.DeletionWait + time.Minute)
		steps := 0
		for done := false; !done && steps < 100; steps++ {
			var err error
			if done, err = keyring.DeleteCompanyStep(t.Context(), d.DB, d.Connections, d.CompanyID); err != nil {
				t.Fatalf("step %d: %v", steps, err)
			}
			// From the first step on, nobody gets in and nobody can undo it.
			if _, err := d.Accounts.Visitor(t.Context(), c.owner.UserID, d.CompanyID, 0); err == nil {
				t.Fatalf("step %d: the owner still gets in", steps)
			}
			if err := d.Accounts.KeepCompany(t.Context(), c.owner); err == nil {
				t.Fatalf("step %d: it was undone", steps)
			}
			ctx, kill := context.WithCancel(t.Context())
			kill()
			if _, err := keyring.DeleteCompanyStep(ctx, d.DB, d.Connections, d.CompanyID); err == nil && !done {
				t.Errorf("step %d: worked although it was killed", steps)
			}
		}
		if steps < 10 || d.Count("SELECT count(*) FROM companies WHERE name = 'Deleted company' AND deletion_at IS NULL") != 1 {
			t.Errorf("not done after %d steps", steps)
		}
	})
}

// Two instances delete the same company at the same time.
func TestDeletionOnTwoInstances(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		doomed(d)
		d.Clock.Add(accounts.DeletionWait + time.Minute)
		failed := make(chan error, 2)
		for range 2 {
			go func() { failed <- keyring.DeleteCompanies(t.Context(), d.DB, d.Connections) }()
		}
		for range 2 {
			d.Must(<-failed)
		}
		if n := d.Count("SELECT count(*) FROM companies WHERE deletion_at IS NOT NULL"); n != 0 {
			t.Errorf("%d companies wait", n)
		}
	})
}

// Any owner keeps the company within the time. A locked company waits, and after
// unlocking its owners have time to keep it.
func TestDeletionIsUndone(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		c := doomed(d)
		d.Clock.Add(accounts.DeletionWait - time.Minute)
		d.Must(d.Accounts.KeepCompany(t.Context(), c.both))
		d.Clock.Add(time.Hour)
		d.Must(keyring.DeleteCompanies(t.Context(), d.DB, d.Connections))
		if _, err := keyring.DeleteCompanyStep(t.Context(), d.DB, d.Connections, d.CompanyID); !errors.Is(err, keyring.ErrKept) {
			t.Errorf("a company that was kept: %v", err)
		}
		v, err := d.Accounts.Visitor(t.Context(), c.owner.UserID, d.CompanyID, 0)
		if err != nil || v.DeletionAt != nil {
			t.Errorf("kept: %v, %v", v.DeletionAt, err)
		}

		d.Must(d.Accounts.AskDeletion(t.Context(), c.owner, mark+" Heating", nil))
		sam := d.Staff("Lou", accounts.Admin)
		d.Must(d.Support.Lock(t.Context(), sam, d.CompanyID, "A dispute."))
		d.Clock.Add(accounts.DeletionWait + time.Hour)
		d.Must(keyring.DeleteCompanies(t.Context(), d.DB, d.Connections))
		d.Must(d.Support.Unlock(t.Context(), sam, d.CompanyID, "Settled."))
		d.Must(keyring.DeleteCompanies(t.Context(), d.DB, d.Connections))
		if v, err = d.Accounts.Visitor(t.Context(), c.owner.UserID, d.CompanyID, 0); err != nil || v.DeletionAt == nil || v.DeletionAt.Sub(d.DB.Now()) < 24*time.Hour {
			t.Errorf("after unlocking: %v, %v", v.DeletionAt, err)
		}
	})
}

// A deletion needs an owner and the company's name.
func TestDeletionNeedsItsName(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		owner := accounts.Visitor{UserID: d.Person("amy", accounts.Owner), CompanyID: d.CompanyID, Role: accounts.Owner}
		member := accounts.Visitor{UserID: d.Person("mel", accounts.Member), CompanyID: d.CompanyID, Role: accounts.Owner}
		for _, typed := range []string{"", "North", "Northgate Heating", "northgate\u200b"} {
			if err := d.Accounts.AskDeletion(t.Context(), owner, typed, nil); !errors.Is(err, accounts.ErrOtherName) {
				t.Errorf("%q: %v", typed, err)
			}
		}
		if err := d.Accounts.AskDeletion(t.Context(), member, "Northgate", nil); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("a member: %v", err)
		}
		d.Must(d.Accounts.AskDeletion(t.Context(), owner, " northgate ", []int64{842193311}))
		d.Must(d.Accounts.AskDeletion(t.Context(), owner, "Northgate", nil))
		if n := d.Count("SELECT count(*) FROM account_mails WHERE kind = 'company_deletion'"); n != 1 {
			t.Errorf("%d mails, want 1: asking twice does nothing more", n)
		}
		var queued accounts.AccountMail
		d.Must(d.DB.Read(t.Context()).Take(&queued).Error)
		id := queued.ID
		mail, err := accounts.PrepareMail(t.Context(), d.DB, id)
		if err != nil || mail.From != "amy@northgate.example" || mail.Detail != "842193311" || mail.Recipient != "amy@northgate.example" {
			t.Errorf("mail %+v, %v", mail, err)
		}
		d.Must(d.Accounts.KeepCompany(t.Context(), owner))
		if _, err := accounts.PrepareMail(t.Context(), d.DB, id); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the mail about a company that is kept: %v", err)
		}
	})
}

// Neither database reads a large table whole to find what a deletion erases.
func TestDeletionUsesIndexes(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		queries := append(keyring.CompanyRowQueries(),
			"SELECT id FROM companies WHERE deletion_at <= CURRENT_TIMESTAMP AND CAST(id AS TEXT) <> CAST(? AS TEXT) ORDER BY deletion_at",
			"SELECT 1 FROM invitations WHERE company_id = ?", "SELECT 1 FROM asks WHERE company_id = ?", "SELECT 1 FROM memberships WHERE company_id = ?")
		for _, query := range queries {
			for _, table := range modeltest.WholeReads(t, db, query, []any{uuid.Max}) {
				t.Errorf("%s is read whole: %s", table, query)
			}
		}
	})
}
