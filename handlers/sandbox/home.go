package sandbox

import (
	"net/http"
	"slices"
)

// requestsShown is how many requests the front page lists.
const requestsShown = 20

// home shows what there is to try, and what was asked last.
func (s *Sandbox) home(a *answer, r *http.Request) {
	all := s.Requests()
	// Without this one, which has no answer yet.
	all = slices.DeleteFunc(all[max(0, len(all)-requestsShown-1):], func(q Request) bool { return q.Status == 0 && q.Path == "/" })
	slices.Reverse(all)
	a.page(r.Context(), http.StatusOK, homePage(homeView{
		tenants: sampleTenants(), requests: all, resetToken: s.resetToken,
	}))
}

func (s *Sandbox) reset(a *answer, r *http.Request) {
	if !same(r.PostForm.Get("token"), s.resetToken) {
		http.Error(a, "this page is out of date; go back and load it again", http.StatusForbidden)
		return
	}
	s.Reset()
	a.seeOther("/")
}
