package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/static"
	"github.com/fieldbridge/fieldbridge/views"
)

// exampleBase is the address of Fieldbridge in the document. Each Fieldbridge replaces
// it by its own.
const exampleBase = "https://connect.example.com"

// DocumentPath is the address of the document.
const DocumentPath = Prefix + "openapi.yaml"

// Answers says whether an address is one to which programs send requests. Its errors are
// problems, and not pages.
func Answers(path string) bool {
	return strings.HasPrefix(path, Prefix) && !strings.HasPrefix(path, ProblemsPath)
}

// published is something that is the same for everybody. It is made once.
type published struct {
	kind          string
	plain, zipped []byte
	tag           string
}

// publish prepares a text for everybody.
func publish(kind string, text []byte) *published {
	sum := sha256.Sum256(text)
	p := &published{kind: kind, plain: text, tag: base64.RawURLEncoding.EncodeToString(sum[:16])}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(text) // a buffer accepts everything
	_ = w.Close()
	p.zipped = zipped.Bytes()
	return p
}

// serve answers with the text. The tag is strong, so it tells apart the compressed form.
func (p *published) serve(c echo.Context) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, p.kind)
	h.Set(echo.HeaderCacheControl, "public, max-age=300")
	h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
	body, tag := p.plain, p.tag
	if static.AcceptsGzip(c.Request().Header.Values(echo.HeaderAcceptEncoding)) {
		body, tag = p.zipped, p.tag+"-gzip"
		h.Set(echo.HeaderContentEncoding, "gzip")
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(body))
	return nil
}

// ownDocument returns the document with the address of this Fieldbridge.
func (a *API) ownDocument() []byte {
	return bytes.ReplaceAll(document, []byte(exampleBase), []byte(a.BaseURL.String()))
}

// ShowDocument answers with the document.
func (a *API) ShowDocument(c echo.Context) error { return a.publishedDocument().serve(c) }

// ShowPage answers with the page about the API.
func (a *API) ShowPage(c echo.Context) error {
	page, err := a.publishedPage()
	if err != nil {
		return err
	}
	return page.serve(c)
}

// makePage renders the page about the API.
func (a *API) makePage() (*published, error) {
	doc, err := documentOf(a.ownDocument())
	if err != nil {
		return nil, err
	}
	page, err := pageOf(doc, a.BaseURL.String())
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if a.Frame != nil {
		ctx = a.Frame(ctx)
	}
	var text bytes.Buffer
	if err := views.API(page).Render(ctx, &text); err != nil {
		return nil, err
	}
	return publish(echo.MIMETextHTMLCharsetUTF8, text.Bytes()), nil
}

// ShowProblem answers with the page about a kind of error.
func (a *API) ShowProblem(c echo.Context) error {
	for _, p := range pagesOfProblems() {
		if p.Name == c.Param("name") {
			return fieldbridge.Render(c, http.StatusOK, views.APIProblemPage(p))
		}
	}
	return database.ErrNotFound
}
