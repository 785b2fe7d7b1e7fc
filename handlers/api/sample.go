package api

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// sampleOf returns an example of a value, as indented JSON. Its fields are in the order
// of the document.
func sampleOf(ref *openapi3.SchemaRef) string {
	var b strings.Builder
	writeSample(&b, ref, "\n")
	return b.String()
}

func writeSample(b *strings.Builder, ref *openapi3.SchemaRef, indent string) {
	s := ref.Value
	switch {
	case len(s.Examples) > 0:
		writeValue(b, s.Examples[0], indent)
	case len(s.AnyOf) > 0:
		writeSample(b, s.AnyOf[0], indent)
	case s.Type.Includes(openapi3.TypeObject):
		writeObject(b, s, indent)
	case s.Type.Includes(openapi3.TypeArray):
		b.WriteString("[" + indent + "  ")
		writeSample(b, s.Items, indent+"  ")
		b.WriteString(indent + "]")
	default:
		writeValue(b, plainSample(s), indent)
	}
}

// writeObject writes the fields of an object. A reason is left out, because a value
// that is well has none.
func writeObject(b *strings.Builder, s *openapi3.Schema, indent string) {
	b.WriteString("{")
	first := true
	for _, name := range fieldsOf(s) {
		if name == "reason" && !slices.Contains(s.Required, name) {
			continue
		}
		if !first {
			b.WriteString(",")
		}
		first = false
		b.WriteString(indent + "  ")
		writeValue(b, name, "")
		b.WriteString(": ")
		writeSample(b, s.Properties[name], indent+"  ")
	}
	if !first {
		b.WriteString(indent)
	}
	b.WriteString("}")
}

func writeValue(b *strings.Builder, value any, indent string) {
	text, err := json.MarshalIndent(value, strings.TrimPrefix(indent, "\n"), "  ")
	if err == nil {
		b.WriteString(strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(text)))
	}
}

// plainSample returns an example of a value whose schema has none.
func plainSample(s *openapi3.Schema) any {
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Const != nil:
		return s.Const
	case s.Type.Includes(openapi3.TypeBoolean):
		return false
	case s.Type.Includes(openapi3.TypeInteger):
		return 1
	}
	switch s.Format {
	case "uuid":
		return "01936f2a-7c1e-7f4b-9a53-2f1d6c0b8e11"
	case "date-time":
		return "2026-11-30T09:12:44Z"
	case "uri":
		return "https://app.example.com/connected"
	}
	return "…"
}

// fieldsOf returns the names of an object's fields, in the order of the document.
func fieldsOf(s *openapi3.Schema) []string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return lineOf(s.Properties[a].Origin) - lineOf(s.Properties[b].Origin) })
	return names
}

// lineOf returns where in the document something is.
func lineOf(o *openapi3.Origin) int {
	if o == nil || o.Key == nil {
		return 0
	}
	return o.Key.Line
}
