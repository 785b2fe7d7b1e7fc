package sandbox

import (
	"net/http"
	"slices"
)

// requestsShown is how many requests the front page lists.
const requestsShown = 20

// formFresh refuses a form that is not from a page of this start.
func (s *Sandbox) formFresh(a *answer, r *http.Request) bool {
	if same(r.PostForm.Get("token"), s.formToken) {
		return true
	}
	http.Error(a, "this page is out of date; go back and load it again", http.StatusForbidden)
	return false
}

// home shows what there is to try, and what was asked last.
func (s *Sandbox) home(a *answer, r *http.Request) {
	all := s.Requests()
	// Without this one, which has no answer yet.
	all = slices.DeleteFunc(all[max(0, len(all)-requestsShown-1):], func(q Request) bool { return q.Status == 0 && q.Path == "/" })
	slices.Reverse(all)
	a.page(r.Context(), http.StatusOK, homePage(homeView{
		tenants: sampleTenants(), requests: all, formToken: s.formToken,
	}))
}

func (s *Sandbox) reset(a *answer, r *http.Request) {
	if !s.formFresh(a, r) {
		return
	}
	s.Reset()
	a.seeOther("/")
}
