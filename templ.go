// Package fieldbridge turns templ components into answers.
package fieldbridge

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/static"
)

//go:generate go tool templ generate

// Render answers with a component. It is rendered whole before a byte is sent,
// so that one that fails can still become an error page.
func Render(c echo.Context, status int, component templ.Component) error {
	return render(c, status, component, mayCompress(c.Request()))
}

// RenderSecret is Render for a page that shows a secret. It is never compressed.
func RenderSecret(c echo.Context, status int, component templ.Component) error {
	return render(c, status, component, false)
}

func render(c echo.Context, status int, component templ.Component, zip bool) error {
	page := templ.GetBuffer()
	defer templ.ReleaseBuffer(page)
	r, header := c.Request(), c.Response().Header()
	if err := component.Render(r.Context(), page); err != nil {
		return fmt.Errorf("render %s: %w", c.Path(), err)
	}
	body := page
	header.Add("Vary", "Accept-Encoding, Sec-Fetch-Site")
	if zip && page.Len() >= worthwhile {
		zipped := templ.GetBuffer()
		defer templ.ReleaseBuffer(zipped)
		if err := compress(zipped, page.Bytes()); err != nil {
			return fmt.Errorf("compress %s: %w", c.Path(), err)
		}
		header.Set("Content-Encoding", "gzip")
		body = zipped
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	if r.Method == http.MethodHead {
		return c.NoContent(status)
	}
	return c.HTMLBlob(status, body.Bytes())
}

// worthwhile is the smallest page that is compressed. A smaller one fits into a packet.
const worthwhile = 1400

// mayCompress reports whether the page that answers a request may be compressed.
//
// The length of a compressed page tells somebody who watches the network what of their
// own input recurs on the page. If they can choose the input and make a browser ask again
// and again, they read what is beside it (the BREACH attack). No page has a token against
// forged requests, which such attacks look for. Pages that show any other secret are sent
// with RenderSecret. What remains is what the reader may see. So that nobody else finds
// that out, a page that another site's page asks for is not compressed. Browsers say so
// in Sec-Fetch-Site, which no page can change. A browser too old to say it sends our
// cookies along only when the reader goes to another page.
func mayCompress(r *http.Request) bool {
	accepted := r.Header["Accept-Encoding"]
	if len(accepted) == 0 || !static.AcceptsGzip(accepted) {
		return false
	}
	from := r.Header.Get("Sec-Fetch-Site")
	return from != "cross-site" && from != "same-site"
}

// zippers keeps compressors for reuse, since each has a megabyte of tables. The fastest
// level makes the status page a quarter of its size in 84 µs. The default level takes
// 535 µs and saves another eighth.
var zippers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level exists
	}
	return w
}}

func compress(into *bytes.Buffer, page []byte) error {
	w := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(into)
	if _, err := w.Write(page); err != nil {
		return err
	}
	return w.Close()
}
