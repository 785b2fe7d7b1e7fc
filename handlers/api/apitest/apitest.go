// Package apitest holds what is sent to the API, and what it answers, against its
// document. Only tests import it.
package apitest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/fieldbridge/fieldbridge/handlers/api"
)

// Exchange is a request to the API, and its answer.
type Exchange struct {
	Request *http.Request
	// Sent is the body of the request.
	Sent   []byte
	Status int
	Header http.Header
	// Got is the body of the answer.
	Got []byte
}

// Document returns the description of the API.
var Document = sync.OnceValue(func() *openapi3.T {
	doc, err := api.Document()
	if err != nil {
		panic(err)
	}
	return doc
})

// Check fails the test if the exchange is not as the document says. A request that was
// refused need not be.
func Check(t testing.TB, x Exchange) {
	t.Helper()
	name := x.Request.Method + " " + x.Request.URL.RequestURI()
	route, params := find(x.Request)
	if route == nil {
		checkProblem(t, name, x)
		return
	}
	r := x.Request.Clone(t.Context())
	r.Body = io.NopCloser(bytes.NewReader(x.Sent))
	r.ContentLength = int64(len(x.Sent))
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true,
			RejectWhenRequestBodyNotSpecified: len(x.Sent) > 0, SkipSettingDefaults: true,
		},
	}
	if x.Status < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s is accepted, and the document refuses it: %v", name, err)
		}
		for parameter := range r.URL.Query() {
			if !has(route, parameter) {
				t.Errorf("%s: the document has no parameter %s", name, parameter)
			}
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.Status, Header: x.Header, Body: io.NopCloser(bytes.NewReader(x.Got)), Options: in.Options,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("%s: the answer %d is not as the document says: %v\n%.500s", name, x.Status, err, x.Got)
	}
}

// checkProblem requires a problem as the answer to a request that the document does not
// have.
func checkProblem(t testing.TB, name string, x Exchange) {
	t.Helper()
	if x.Status < http.StatusBadRequest {
		t.Errorf("%s: the document does not have it, and the status is %d", name, x.Status)
		return
	}
	if x.Request.Method == http.MethodHead {
		return
	}
	var body any
	if err := json.Unmarshal(x.Got, &body); err != nil {
		t.Errorf("%s: %v:\n%s", name, err, x.Got)
		return
	}
	if err := Document().Components.Schemas["Problem"].Value.VisitJSON(body, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s: the answer is no problem: %v\n%.500s", name, err, x.Got)
	}
}

// has says whether an operation has a parameter of the query.
func has(route *routers.Route, name string) bool {
	return route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) != nil
}

// parameter matches a parameter in a path.
var parameter = regexp.MustCompile(`\\\{(\w+)\\\}`)

// address is a path of the document.
type address struct {
	path    string
	item    *openapi3.PathItem
	pattern *regexp.Regexp
}

// addresses returns the paths of the document. A parameter named path may have slashes.
var addresses = sync.OnceValue(func() []address {
	var all []address
	for path, item := range Document().Paths.Map() {
		pattern := parameter.ReplaceAllString(regexp.QuoteMeta(path), `(?P<$1>[^/]+)`)
		pattern = strings.ReplaceAll(pattern, `(?P<path>[^/]+)`, `(?P<path>.+)`)
		all = append(all, address{path, item, regexp.MustCompile("^" + pattern + "$")})
	}
	return all
})

// find returns the operation that a request is for, and its parameters in the path.
func find(r *http.Request) (*routers.Route, map[string]string) {
	for _, at := range addresses() {
		found, operation := at.pattern.FindStringSubmatch(r.URL.Path), at.item.GetOperation(r.Method)
		if found == nil || operation == nil {
			continue
		}
		params := map[string]string{}
		for i, name := range at.pattern.SubexpNames() {
			if name != "" {
				params[name] = found[i]
			}
		}
		return &routers.Route{Spec: Document(), Path: at.path, PathItem: at.item, Method: r.Method, Operation: operation}, params
	}
	return nil, nil
}
