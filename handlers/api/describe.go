package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/fieldbridge/fieldbridge/views"
)

// description makes the page about the API from its document.
type description struct {
	doc  *openapi3.T
	base string
}

// pageOf returns the page about the API, whose addresses begin with base.
func pageOf(doc *openapi3.T, base string) (views.APIPage, error) {
	d := description{doc, base}
	examples, err := examplesAt(base)
	if err != nil {
		return views.APIPage{}, err
	}
	sections := sectionsOf(doc.Info.Description)
	sections[0].ID, sections[0].Title = "introduction", "Introduction"
	return views.APIPage{
		Title: doc.Info.Title, Lead: doc.Info.Summary, Introduction: sections, Examples: examples,
		Groups: d.groups(), Schemas: d.schemas(), Problems: pagesOfProblems(),
	}, nil
}

// groups returns the operations and the events, by their tags.
func (d description) groups() []views.APIGroup {
	groups := make([]views.APIGroup, len(d.doc.Tags))
	at := map[string]int{}
	for i, tag := range d.doc.Tags {
		at[tag.Name] = i
		groups[i] = views.APIGroup{ID: anchor(tag.Name), Title: tag.Name, Text: blocksOf(tag.Description)}
	}
	for _, path := range inOrder(d.doc.Paths.Map()) {
		item := d.doc.Paths.Value(path)
		for _, method := range methods {
			if o := item.GetOperation(method); o != nil {
				g := &groups[at[o.Tags[0]]]
				g.Operations = append(g.Operations, d.operation(method, path, item, o))
			}
		}
	}
	for _, name := range inOrder(d.doc.Webhooks) {
		g := &groups[at[d.doc.Webhooks[name].Post.Tags[0]]]
		g.Operations = append(g.Operations, d.operation("", name, d.doc.Webhooks[name], d.doc.Webhooks[name].Post))
	}
	return groups
}

// methods are in the order in which the page shows the operations of a path.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// inOrder returns the keys of a map in the order of the document.
func inOrder(items map[string]*openapi3.PathItem) []string {
	return slices.SortedFunc(maps.Keys(items), func(a, b string) int { return lineOf(items[a].Origin) - lineOf(items[b].Origin) })
}

// operation describes one method of an address, or one event.
func (d description) operation(method, path string, item *openapi3.PathItem, o *openapi3.Operation) views.APIOperation {
	v := views.APIOperation{ID: o.OperationID, Title: o.Summary, Method: method, Path: path, Text: blocksOf(o.Description)}
	if method != "" {
		v.Scope = (*o.Security)[0]["apiKey"][0]
		v.Request = d.request(method, path, o)
	}
	for _, p := range append(slices.Clone(item.Parameters), o.Parameters...) {
		v.Parameters = append(v.Parameters, views.APIField{
			Name: p.Value.Name, Type: typeOf(p.Value.Schema), Where: p.Value.In, Required: p.Value.Required,
			Text: append(blocksOf(p.Value.Description), valuesOf(p.Value.Schema)...),
		})
	}
	if o.RequestBody != nil {
		if media := o.RequestBody.Value.Content["application/json"]; media != nil && media.Schema != nil {
			v.Body, v.Sent = typeOf(media.Schema), sampleOf(media.Schema)
		}
	}
	statuses := slices.Sorted(maps.Keys(o.Responses.Map()))
	for _, status := range statuses {
		v.Answers = append(v.Answers, answerOf(status, o.Responses.Value(status).Value))
	}
	return v
}

// answerOf describes one answer of an operation.
func answerOf(status string, r *openapi3.Response) views.APIAnswer {
	a := views.APIAnswer{Status: status, Text: blocksOf(*r.Description)}
	if status == "default" {
		a.Status = "others"
	}
	if media := r.Content["application/problem+json"]; media != nil {
		a.Body, a.Problems = typeOf(media.Schema), slices.Sorted(maps.Keys(media.Examples))
	}
	if media := r.Content["application/json"]; media != nil && media.Schema != nil {
		a.Body, a.Example = typeOf(media.Schema), sampleOf(media.Schema)
	}
	return a
}

// request returns how to send a request on the command line.
func (d description) request(method, path string, o *openapi3.Operation) string {
	var b strings.Builder
	b.WriteString("curl ")
	if method != http.MethodGet {
		b.WriteString("-X " + method + " ")
	}
	b.WriteString(`-H "Authorization: Bearer $FIELDBRIDGE_KEY"`)
	if o.Parameters.GetByInAndName(openapi3.ParameterInHeader, idempotencyKey) != nil {
		b.WriteString(" \\\n  -H \"Idempotency-Key: $(uuidgen)\"")
	}
	if o.RequestBody != nil {
		media := o.RequestBody.Value.Content["application/json"]
		if media != nil && media.Schema != nil && len(media.Schema.Value.Properties) > 0 {
			b.WriteString(" \\\n  -H \"Content-Type: application/json\" -d @request.json")
		}
	}
	b.WriteString(" \\\n  " + d.base + path)
	return b.String()
}

// schemas describes the kinds of values.
func (d description) schemas() []views.APISchema {
	all := d.doc.Components.Schemas
	var list []views.APISchema
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name].Value
		v := views.APISchema{ID: "schema-" + name, Name: name, Type: typeOf(&openapi3.SchemaRef{Value: s}), Text: blocksOf(s.Description), Values: enumOf(s)}
		for _, field := range fieldsOf(s) {
			v.Fields = append(v.Fields, fieldOf(field, s, ""))
			v.Fields = append(v.Fields, fieldsBelow(field, s.Properties[field])...)
		}
		if len(v.Fields) > 0 {
			v.Example = sampleOf(all[name])
		}
		list = append(list, v)
	}
	return list
}

// fieldsBelow describes the fields of an object within another one.
func fieldsBelow(name string, ref *openapi3.SchemaRef) []views.APIField {
	var list []views.APIField
	if ref.Ref == "" {
		for _, field := range fieldsOf(ref.Value) {
			list = append(list, fieldOf(field, ref.Value, name+"."))
		}
	}
	return list
}

func fieldOf(name string, of *openapi3.Schema, prefix string) views.APIField {
	ref := of.Properties[name]
	f := views.APIField{Name: prefix + name, Type: typeOf(ref), Required: slices.Contains(of.Required, name)}
	if ref.Ref == "" {
		f.Text = append(blocksOf(ref.Value.Description), valuesOf(ref)...)
	}
	return f
}

// valuesOf lists the values that something may have, if its schema has no name.
func valuesOf(ref *openapi3.SchemaRef) []views.Block {
	var text []views.Span
	if ref.Ref == "" {
		for i, value := range enumOf(ref.Value) {
			if i > 0 {
				text = append(text, views.Span{Text: ", "})
			}
			text = append(text, views.Span{Text: value, Code: true})
		}
	}
	if text == nil {
		return nil
	}
	return []views.Block{{Text: append([]views.Span{{Text: "One of: "}}, text...)}}
}

func enumOf(s *openapi3.Schema) []string {
	var values []string
	for _, v := range s.Enum {
		values = append(values, fmt.Sprint(v))
	}
	return values
}

// typeOf names the type of a value.
func typeOf(ref *openapi3.SchemaRef) views.APIType {
	if name, ok := strings.CutPrefix(ref.Ref, "#/components/schemas/"); ok {
		return views.APIType{Name: name, Href: "#schema-" + name}
	}
	s := ref.Value
	switch {
	case len(s.AnyOf) > 0:
		return typeOf(s.AnyOf[0])
	case s.Type.Is(openapi3.TypeArray):
		item := typeOf(s.Items)
		return views.APIType{Name: "list of " + item.Name, Href: item.Href}
	case s.Type == nil:
		return views.APIType{Name: "any"}
	}
	name := strings.Join(s.Type.Slice(), " or ")
	if s.Format != "" {
		name += " (" + s.Format + ")"
	}
	return views.APIType{Name: name}
}
