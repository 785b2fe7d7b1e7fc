package support_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// An item is due by a rule of its kind. The rule can be turned around: what waits since
// lastDue or longer is due, and nothing else.
func TestQueueDue(t *testing.T) {
	friday := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		kind       support.ItemKind
		since, due time.Time
	}{
		{support.OurSideFailing, friday, friday.Add(time.Hour)},
		{support.SetupForUs, friday.AddDate(0, 0, -1), friday},
		{support.SetupForUs, friday, friday.AddDate(0, 0, 3)},                                                          // Monday at 10:00
		{support.SetupForUs, friday.AddDate(0, 0, 1), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},                    // the end of Monday
		{support.SetupForUs, friday.AddDate(0, 0, 2), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},                    // the same
		{support.SetupForCompany, friday, friday.AddDate(0, 0, 5)},                                                     // Wednesday
		{support.TenantToRemove, friday, friday.AddDate(0, 0, 7)},                                                      // a week later
		{support.SetupForUs, friday.Add(14*time.Hour - time.Microsecond), friday.Add(86*time.Hour - time.Microsecond)}, // the last moment of Friday
	} {
		if due, ok := support.ItemDue(tt.kind, tt.since); !ok || !due.Equal(tt.due) {
			t.Errorf("%s since %s is due %s, want %s", tt.kind, tt.since, due, tt.due)
		}
	}
	if _, ok := support.ItemDue(support.UpgradeToAllow, friday); ok {
		t.Error("an upgrade is due")
	}
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, kind := range []support.ItemKind{support.OurSideFailing, support.SetupForUs, support.SecretToDelete, support.TenantToRemove} {
		for since := range 14 * 24 {
			for now := range 24 * 24 {
				since, now := begin.Add(time.Duration(since)*time.Hour), begin.Add(time.Duration(now)*time.Hour)
				due, _ := support.ItemDue(kind, since)
				if due.After(now) == !since.After(support.ItemLastDue(kind, now)) {
					t.Fatalf("%s since %s is due %s, but at %s what waits since %s is due", kind, since, due, now, support.ItemLastDue(kind, now))
				}
			}
		}
	}
}

// queueOf has items of every kind.
type queueOf struct {
	*modeltest.ListTest
	sam, lee accounts.Staff
	ids      map[support.ItemKind][]uuid.UUID
}

// fillQueue adds n items of each kind, a minute apart, of which half are late.
func fillQueue(c *modeltest.ListTest, n int) *queueOf {
	c.Helper()
	q := &queueOf{ListTest: c, sam: staffOf(c, "Sam"), lee: staffOf(c, "Lee"), ids: map[support.ItemKind][]uuid.UUID{}}
	company := c.Company("Harbor Line", "luis@harbor.example")
	tasks := map[support.ItemKind]models.TaskKind{
		support.OurSideFailing: models.TaskOurSide, support.TenantConflict: models.TaskTenantConflict,
		support.SecretToDelete: models.TaskDeleteSecret, support.TenantToRemove: models.TaskRemoveTenant,
	}
	tenant := int64(1000)
	for i := range n {
		for _, kind := range support.QueueKinds() {
			tenant++
			since := c.DB.Now().Add(-time.Duration(i%2*14*24) * time.Hour)
			id := c.Add(company, tenant, func(o *models.Connection) {
				switch kind {
				case support.SecretToReplace:
					o.SecretReminderAt = &since
				case support.UpgradeToAllow:
					o.UpgradeNeeded = true
				case support.SetupForUs, support.SetupForCompany:
					o.State, o.SettingUp = models.Pending, true
				case support.OurSideFailing, support.TenantConflict, support.SecretToDelete, support.TenantToRemove:
				}
			})
			item := id
			c.Write(func(tx *gorm.DB) error {
				if task, ok := tasks[kind]; ok {
					item = database.NewID()
					return tx.Create(&models.StaffTask{ID: item, Kind: task, CompanyID: company, ConnectionID: id, CreatedAt: since}).Error
				}
				if kind != support.SetupForUs && kind != support.SetupForCompany {
					return nil
				}
				item = database.NewID()
				s := models.Setup{ID: item, ConnectionID: id, CompanyID: company, Environment: "sandbox", TenantID: tenant, RequestedAt: since}
				s.Wait(models.StepAddTenant, models.Us, "", since)
				if kind == support.SetupForCompany {
					s.Wait(models.StepAllowAccess, models.TheCompany, "", since)
				}
				return tx.Create(&s).Error
			})
			q.ids[kind] = append(q.ids[kind], item)
		}
	}
	return q
}

func staffOf(c *modeltest.ListTest, name string) accounts.Staff {
	c.Helper()
	user := accounts.User{ID: database.NewID(), Email: strings.ToLower(name) + "@fieldbridge.example", Name: name, PasswordHash: "x", StaffRole: accounts.Support, CreatedAt: c.DB.Now()}
	c.Write(func(tx *gorm.DB) error { return tx.Create(&user).Error })
	return accounts.Staff{UserID: user.ID, Name: name, Email: user.Email, Role: accounts.Support, SetUp: true, SupportCode: "FB-AAAA-AAAA"}
}

func (q *queueOf) page(f support.QueueFilter, at support.Cursor, limit int) support.QueuePage {
	q.Helper()
	page, err := support.QueueAt(q.Support, q.Context(), q.sam, f, at, limit)
	if err != nil {
		q.Fatal(err)
	}
	return page
}

// all reads every page of the queue forward and checks that reading backward shows the
// same.
func (q *queueOf) all(f support.QueueFilter, limit int) []support.QueueItem {
	q.Helper()
	var pages [][]support.QueueItem
	at := support.Cursor{}
	for {
		page := q.page(f, at, limit)
		pages = append(pages, page.Items)
		if page.After == (support.Cursor{}) {
			break
		}
		at = support.ParseCursor(page.After.String())
	}
	last := q.page(f, at, limit)
	for i := len(pages) - 2; i >= 0; i-- {
		before := q.page(f, support.ParseCursor(last.Before.String()), limit)
		if !slices.EqualFunc(before.Items, pages[i], func(a, b support.QueueItem) bool { return a.ID == b.ID }) {
			q.Errorf("page %d reads differently backward: %d items, not %d", i, len(before.Items), len(pages[i]))
		}
		last = before
	}
	return slices.Concat(pages...)
}

func (q *queueOf) ref(kind support.ItemKind, i, version int) support.ItemRef {
	return support.ItemRef{Kind: kind, ID: q.ids[kind][i], Version: version}
}

// The queue has each item once, in the order in which they are due, however long a page is.
func TestQueuePages(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		q := fillQueue(c, 4)
		now := c.DB.Now()
		for _, limit := range []int{1, 3, 7, 100} {
			items := q.all(support.QueueFilter{}, limit)
			seen := map[uuid.UUID]bool{}
			for i, item := range items {
				if seen[item.ID] {
					t.Errorf("%s is there twice", item.Kind)
				}
				seen[item.ID] = true
				if i > 0 && item.Due != nil && (items[i-1].Due == nil || items[i-1].Due.After(*item.Due)) {
					t.Errorf("item %d is due before the one above it", i)
				}
				if item.Connection.CompanyName != "Harbor Line" || (item.Setup == nil) != (item.Kind != support.SetupForUs && item.Kind != support.SetupForCompany) {
					t.Errorf("item %+v", item)
				}
			}
			if len(items) != 4*len(support.QueueKinds()) {
				t.Errorf("pages of %d have %d items", limit, len(items))
			}
		}
		late := q.all(support.QueueFilter{View: support.Late}, 5)
		for _, item := range late {
			if !item.Late(now) {
				t.Errorf("%s is not late", item.Kind)
			}
		}
		counts := q.page(support.QueueFilter{}, support.Cursor{}, 1).Counts
		want := support.QueueCounts{Everything: 32, Unassigned: 32, Late: len(late), Conflicts: 4, ForUs: 4, ByHand: 12, Secrets: 4, Upgrades: 4, ForCompanies: 4}
		if len(late) != 14 || counts != want {
			t.Errorf("counted %+v, want %+v", counts, want)
		}
		for _, group := range support.QueueGroups() {
			counts := q.page(support.QueueFilter{Group: group}, support.Cursor{}, 1).Counts
			for _, view := range support.QueueViews() {
				if n := len(q.all(support.QueueFilter{View: view, Group: group}, 5)); counts.In(view) != n {
					t.Errorf("%s of %s has %d items, but %d are counted", view, group, n, counts.In(view))
				}
			}
		}
	})
}

// An item can be taken, given, released, and put off. It comes back by itself.
func TestQueueMarks(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		q := fillQueue(c, 2)
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		in := func(view support.QueueView) int {
			t.Helper()
			page := q.page(support.QueueFilter{View: view}, support.Cursor{}, 100)
			if len(page.Items) != page.Counts.In(view) {
				t.Errorf("%s has %d items, but %d are counted", view, len(page.Items), page.Counts.In(view))
			}
			return len(page.Items)
		}
		for _, kind := range support.QueueKinds() {
			must(c.Support.Assign(ctx, q.sam, q.ref(kind, 0, 0), &q.sam.UserID))
		}
		if mine, free := in(support.Mine), in(support.Unassigned); mine != 8 || free != 8 {
			t.Errorf("%d are mine and %d free", mine, free)
		}
		// The second of two people is told, and changes nothing.
		kind := support.SetupForUs
		err := c.Support.Assign(ctx, q.lee, q.ref(kind, 0, 0), &q.lee.UserID)
		changed, ok := errors.AsType[*support.ChangedError](err)
		if !ok || changed.Change != support.ItemTaken || changed.ByName != "Sam" || changed.ToName != "Sam" {
			t.Errorf("the second was told %+v, %v", changed, err)
		}
		must(c.Support.Assign(ctx, q.sam, q.ref(kind, 0, 1), &q.lee.UserID))
		if err := c.Support.Assign(ctx, q.sam, q.ref(kind, 0, 2), &uuid.Max); !errors.Is(err, support.ErrNoColleague) {
			t.Errorf("given to nobody: %v", err)
		}
		must(c.Support.Assign(ctx, q.lee, q.ref(kind, 0, 2), nil))
		if mine := in(support.Mine); mine != 7 {
			t.Errorf("%d are mine", mine)
		}

		// Of those who left, nothing is left.
		c.Exec("UPDATE users SET staff_role = '' WHERE id = ?", q.lee.UserID)
		must(c.Support.Assign(ctx, q.sam, q.ref(support.TenantConflict, 0, 1), nil))
		if free := in(support.Unassigned); free != 10 {
			t.Errorf("%d are free", free)
		}

		for _, kind := range support.QueueKinds() {
			until, _ := support.SnoozeHour.Until(c.DB.Now())
			must(c.Support.Snooze(ctx, q.sam, q.ref(kind, 1, 0), until, "On vacation"))
		}
		if off, rest := in(support.Snoozed), in(support.Everything); off != 8 || rest != 8 {
			t.Errorf("%d are put off, %d are not", off, rest)
		}
		if item, ok, err := c.Support.Changed(ctx, q.sam, kind, q.ids[kind][1]); err != nil || !ok || item.Mark.SnoozedUntil == nil || item.CompanyName != "Harbor Line" || item.Ref.Version != 1 {
			t.Errorf("changed %+v, %t, %v", item, ok, err)
		}
		must(c.Support.Wake(ctx, q.sam, q.ref(support.SecretToDelete, 1, 1)))
		// The setup moves on, so it is back early.
		c.Clock.Add(time.Minute)
		c.Exec("UPDATE setups SET since = ? WHERE id = ?", c.DB.Now(), q.ids[kind][1])
		if off := in(support.Snoozed); off != 6 {
			t.Errorf("%d are put off", off)
		}
		c.Clock.Add(time.Hour)
		if off, rest := in(support.Snoozed), in(support.Everything); off != 0 || rest != 16 {
			t.Errorf("an hour later, %d are put off, %d are not", off, rest)
		}

		if err := c.Support.Snooze(ctx, q.sam, q.ref(kind, 1, 1), c.DB.Now(), strings.Repeat("é", support.LongestSnoozeReason+1)); !errors.Is(err, support.ErrSnoozeReason) {
			t.Errorf("a long reason: %v", err)
		}
		if err := c.Support.Snooze(ctx, q.sam, q.ref(kind, 1, 1), c.DB.Now(), "cs1.abcdefghijklmnop"); !errors.Is(err, support.ErrSnoozeReason) {
			t.Errorf("a secret: %v", err)
		}
		c.Exec("UPDATE setups SET closed_at = ?", c.DB.Now())
		if err := c.Support.Assign(ctx, q.sam, q.ref(kind, 1, 1), nil); !errors.Is(err, support.ErrItemDone) {
			t.Errorf("a closed setup: %v", err)
		}
		if err := c.Support.Assign(ctx, q.sam, support.ItemRef{Kind: "x", ID: uuid.Max}, nil); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("an unknown kind: %v", err)
		}
	})
}

// Of several people who take an item at the same time, one gets it.
func TestQueueItemIsTakenOnce(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		q := fillQueue(c, 1)
		for _, kind := range []support.ItemKind{support.SetupForUs, support.UpgradeToAllow} {
			var at sync.WaitGroup
			results := make(chan error, 6)
			for i := range cap(results) {
				who := []accounts.Staff{q.sam, q.lee}[i%2]
				at.Go(func() { results <- c.Support.Assign(t.Context(), who, q.ref(kind, 0, 0), &who.UserID) })
			}
			at.Wait()
			close(results)
			took := 0
			for err := range results {
				if _, told := errors.AsType[*support.ChangedError](err); err == nil {
					took++
				} else if !told {
					t.Error(err)
				}
			}
			if took != 1 {
				t.Errorf("%s: %d people took it", kind, took)
			}
		}
	})
}

func TestSnoozeUntil(t *testing.T) {
	friday := time.Date(2026, 11, 27, 16, 30, 0, 0, time.UTC)
	for choice, want := range map[support.SnoozeFor]time.Time{
		support.SnoozeHour:     friday.Add(time.Hour),
		support.SnoozeTomorrow: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC),
		support.SnoozeWeek:     time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC),
	} {
		if until, ok := choice.Until(friday); !ok || !until.Equal(want) {
			t.Errorf("%s: %s, want %s", choice, until, want)
		}
	}
	monday := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	if until, _ := support.SnoozeWeek.Until(monday); !until.Equal(time.Date(2026, 12, 7, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("next week is %s", until)
	}
}

// Each person saves filters of their own, up to a limit, under a clean name.
func TestSavedViews(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		sam, lee := staffOf(c, "Sam"), staffOf(c, "Lee")
		save := func(who accounts.Staff, page support.SavedPage, name, query string) error {
			t.Helper()
			v, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Support.SaveView(t.Context(), who, page, name, v)
			return err
		}
		for name, want := range map[string]error{"": support.ErrViewName, "a\u202eb": support.ErrViewName, strings.Repeat("x", support.LongestViewName+1): support.ErrViewName} {
			if err := save(sam, support.QueueSaved, name, "view=late"); !errors.Is(err, want) {
				t.Errorf("name %q: %v", name, err)
			}
		}
		if err := save(sam, support.QueueSaved, "All", "view=nonsense&x=y"); !errors.Is(err, support.ErrNothingToSave) {
			t.Errorf("no filter: %v", err)
		}
		if err := save(sam, support.ConnectionsSaved, "Long", "q="+strings.Repeat("x", 101)); !errors.Is(err, support.ErrNothingToSave) {
			t.Errorf("a long text: %v", err)
		}
		if err := save(sam, "elsewhere", "All", "view=late"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("no page: %v", err)
		}
		for _, query := range []string{"view=mine&kind=us&x=y", "view=late&kind=us"} { // the second replaces the first
			if err := save(sam, support.QueueSaved, "  My   setups ", query); err != nil {
				t.Error(err)
			}
		}
		if err := save(sam, support.ConnectionsSaved, "Broken", "status=reconnect_needed&at=x"); err != nil {
			t.Error(err)
		}
		saved := func(who accounts.Staff, page support.SavedPage) (list []support.SavedView) {
			t.Helper()
			modeltest.Explains(t, c.DB, "saved views", func() {
				var err error
				if list, err = c.Support.SavedViews(t.Context(), who, page); err != nil {
					t.Fatal(err)
				}
			})
			return list
		}
		list := saved(sam, support.QueueSaved)
		if len(list) != 1 || list[0].Name != "My setups" || list[0].Query != "kind=us&view=late" {
			t.Errorf("saved %+v", list)
		}
		if list := saved(sam, support.ConnectionsSaved); len(list) != 1 || list[0].Query != "status=reconnect_needed" {
			t.Errorf("saved %+v", list)
		}
		for i := range support.SavedAtMost - 2 {
			if err := save(sam, support.QueueSaved, "View "+strings.Repeat("x", i), "view=late"); err != nil {
				t.Error(err)
			}
		}
		if err := save(sam, support.QueueSaved, "One more", "view=late"); !errors.Is(err, support.ErrTooManyViews) {
			t.Errorf("one too many: %v", err)
		}
		if len(saved(lee, support.QueueSaved)) != 0 || !errors.Is(c.Support.DeleteView(t.Context(), lee, list[0].ID), database.ErrNotFound) || len(saved(sam, support.QueueSaved)) != 19 {
			t.Error("Lee sees or deletes what Sam saved")
		}
		if err := c.Support.DeleteView(t.Context(), sam, list[0].ID); err != nil || len(saved(sam, support.QueueSaved)) != 18 {
			t.Errorf("not deleted: %v", err)
		}
	})
}

func TestQueueSchema(t *testing.T) {
	modeltest.MatchSchema(t, &support.QueueMark{}, &support.SavedView{})
}
