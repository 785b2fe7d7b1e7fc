package api_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/handlers/api/apitest"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

func TestDocumentIsValid(t *testing.T) {
	if err := apitest.Document().Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

// operations returns the operations of the document, by their method and path as the
// table of routes has them.
func operations() map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for path, item := range apitest.Document().Paths.Map() {
		path = strings.NewReplacer("{path}", "*", "{", ":", "}", "").Replace(path)
		for method, operation := range item.Operations() {
			all[method+" "+path] = operation
		}
	}
	return all
}

// Every route is in the document, and the document has no others.
func TestDocumentHasEveryRoute(t *testing.T) {
	var served []string
	for _, r := range api.New(api.Options{}).Routes() {
		served = append(served, r.Method+" "+r.Path)
	}
	slices.Sort(served)
	if described := slices.Sorted(maps.Keys(operations())); !slices.Equal(served, described) {
		t.Errorf("the API has\n%s\nand the document has\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
}

// The document and the table of routes name the same scopes.
func TestDocumentHasScopes(t *testing.T) {
	described := operations()
	for _, r := range api.New(api.Options{}).Routes() {
		o := described[r.Method+" "+r.Path]
		if o == nil || o.Security == nil || len(*o.Security) != 1 || !slices.Equal((*o.Security)[0]["apiKey"], []string{string(r.Scope)}) {
			t.Errorf("%s %s needs %s, which the document does not say", r.Method, r.Path, r.Scope)
		}
	}
	var named []accounts.Scope
	for _, scope := range apitest.Document().Components.Schemas["Scope"].Value.Enum {
		named = append(named, accounts.Scope(scope.(string)))
	}
	if !slices.Equal(named, accounts.Scopes()) {
		t.Errorf("the document has the scopes %q", named)
	}
}

// The document has every message that back ends are sent, and no others.
func TestDocumentHasEveryEvent(t *testing.T) {
	doc := apitest.Document()
	types := append(webhook.Types(), webhook.Ping)
	var named []webhook.Type
	for _, kind := range doc.Components.Schemas["EventType"].Value.Enum {
		named = append(named, webhook.Type(kind.(string)))
	}
	if !slices.Equal(named, types) || len(doc.Webhooks) != len(types) {
		t.Errorf("the document names %q, and describes %d", named, len(doc.Webhooks))
	}
	for _, kind := range types {
		item := doc.Webhooks[string(kind)]
		if item == nil || !slices.Contains(item.Post.RequestBody.Value.Content["application/json"].Schema.Value.Properties["type"].Value.Enum, any(string(kind))) {
			t.Errorf("the document does not describe %s", kind)
		}
	}
}

// The document and the table of routes have the same parameters, and the same addresses
// accept an Idempotency-Key: every POST, apart from calls that are passed on.
func TestDocumentHasParameters(t *testing.T) {
	described := operations()
	for _, r := range api.New(api.Options{}).Routes() {
		o := described[r.Method+" "+r.Path]
		var query []string
		for _, p := range o.Parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				query = append(query, p.Value.Name)
			}
		}
		if !slices.Equal(query, r.Parameters) {
			t.Errorf("%s %s takes %q, and the document says %q", r.Method, r.Path, r.Parameters, query)
		}
		accepts := o.Parameters.GetByInAndName(openapi3.ParameterInHeader, "Idempotency-Key") != nil
		if post := r.Method == http.MethodPost && r.Scope != accounts.ScopeProxy; accepts != r.Idempotent || r.Idempotent != post {
			t.Errorf("%s %s: accepts a key %t, the document says %t", r.Method, r.Path, r.Idempotent, accepts)
		}
	}
}

// Each operation is told in words, and says what happens without a key.
func TestDocumentOfOperations(t *testing.T) {
	seen := map[string]bool{}
	for name, o := range operations() {
		if o.OperationID == "" || seen[o.OperationID] || o.Summary == "" || len(o.Tags) != 1 {
			t.Errorf("%s: ID %q, summary %q, tags %q", name, o.OperationID, o.Summary, o.Tags)
		}
		seen[o.OperationID] = true
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			if o.Responses.Status(status) == nil {
				t.Errorf("%s: no answer %d", name, status)
			}
		}
		if o.Responses.Default() == nil {
			t.Errorf("%s: no answer for other errors", name)
		}
	}
}

// Every object is closed: a field that the document does not have is a mistake.
func TestDocumentClosesObjects(t *testing.T) {
	objects := 0
	for name, s := range apitest.Document().Components.Schemas {
		objects += closed(t, name, s)
	}
	for name, o := range operations() {
		if o.RequestBody != nil {
			for _, m := range o.RequestBody.Value.Content {
				objects += closed(t, name, m.Schema)
			}
		}
		for status, r := range o.Responses.Map() {
			for _, m := range r.Value.Content {
				if m.Schema != nil {
					objects += closed(t, name+" "+status, m.Schema)
				}
			}
		}
	}
	if objects < 5 {
		t.Errorf("%d objects", objects)
	}
}

// closed reports the objects in a schema that allow other fields, and counts all.
func closed(t *testing.T, name string, ref *openapi3.SchemaRef) (objects int) {
	if ref == nil || ref.Value == nil {
		return 0
	}
	s := ref.Value
	if s.Type.Includes("object") {
		objects++
		allowed := s.AdditionalProperties
		if (allowed.Has == nil || *allowed.Has) && allowed.Schema == nil {
			t.Errorf("%s is open", name)
		}
	}
	for field, p := range s.Properties {
		if p.Ref == "" {
			objects += closed(t, name+"/"+field, p)
		}
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf, {s.Items}} {
		for _, p := range list {
			if p != nil && p.Ref == "" {
				objects += closed(t, name+"/", p)
			}
		}
	}
	return objects
}
