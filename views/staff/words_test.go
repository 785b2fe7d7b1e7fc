package staff

import (
	"net/url"
	"slices"
	"testing"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

func TestEveryReasonHasWords(t *testing.T) {
	for _, r := range pagetest.Constants[models.Reason](t) {
		fails := r != models.ReasonNone && r != models.ReasonScopeMissing // only a test can have it
		if fails && (shortReasons[r] == "" || reasonAdvice[r].title == "") || fails != slices.Contains(support.FailureReasons(), r) {
			t.Errorf("reason %q: a connection fails for it: %t", r, fails)
		}
	}
}

func TestEveryFilterHasWords(t *testing.T) {
	for _, s := range support.Statuses() {
		if statusLabel(s) == "" {
			t.Errorf("status %q has no words", s)
		}
	}
	for _, a := range support.Ages() {
		if ageWords[a] == "" {
			t.Errorf("age %q has no words", a)
		}
	}
	for _, o := range support.Orders() {
		if orderWords[o] == "" {
			t.Errorf("order %q has no words", o)
		}
	}
}

// A list's address is read back as it was written.
func TestFilterInAddress(t *testing.T) {
	f := support.ConnectionFilter{
		Query: "north & co", Status: support.NeedsAttention, Environment: "integration", Way: models.GuidedWay,
		Reason: models.ReasonRateLimited, Age: support.ADay, Order: support.ByCompany,
	}
	u, err := url.Parse(listAddress(f, support.Cursor{}))
	if err != nil || u.Path != listPath {
		t.Fatal(u, err)
	}
	if got := support.ParseFilter(u.Query()); got != f {
		t.Errorf("%+v, want %+v", got, f)
	}
	if plain := listAddress(support.ConnectionFilter{}, support.Cursor{}); plain != listPath {
		t.Errorf("the whole list is at %s", plain)
	}
}
