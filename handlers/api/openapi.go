package api

import (
	_ "embed"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// document is the description of the API.
//
//go:embed openapi.yaml
var document []byte

// Document returns the description of the API, as it was read from openapi.yaml.
func Document() (*openapi3.T, error) { return documentOf(document) }

func documentOf(text []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true // the page is in the order of the document
	doc, err := loader.LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	return doc, nil
}
