package handlers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"net/http"
	"strings"
	"time"
)

// LargestLogo is the size of the largest logo, in bytes.
const LargestLogo = 64 << 10

// mostPixels is the largest width and height of a PNG logo. Browsers need memory for each
// pixel, however small the file is.
const mostPixels = 2048

// logoPolicy is the content security policy of a logo. Somebody may open it as a page,
// and an SVG file could then have a script.
const logoPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'"

var (
	errLogoTooLarge = errors.New("is larger than 64 KB")
	errNoLogo       = errors.New("is not a PNG, WebP, or SVG image")
	errLogoPixels   = errors.New("has more than 2,048 pixels in a row or a column")
	errLogoActive   = errors.New("is an SVG image with a script, an event, or a foreign object")
)

// Logo is the logo of an integration, ready to be served.
type Logo struct {
	// Path is its address. It changes with its content.
	Path        string
	contentType string
	content     []byte
}

// NewLogo checks the content of a logo's file. Its error completes a sentence that begins
// with the file.
func NewLogo(content []byte) (*Logo, error) {
	if len(content) > LargestLogo {
		return nil, errLogoTooLarge
	}
	contentType, extension := http.DetectContentType(content), ""
	var err error
	switch contentType {
	case "image/png":
		extension, err = ".png", checkPNG(content)
	case "image/webp":
		extension = ".webp"
	default:
		contentType, extension = "image/svg+xml", ".svg"
		err = checkSVG(content)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return &Logo{Path: "/static/logo." + hex.EncodeToString(sum[:6]) + extension, contentType: contentType, content: content}, nil
}

func checkPNG(content []byte) error {
	image, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return errNoLogo
	}
	if image.Width > mostPixels || image.Height > mostPixels {
		return errLogoPixels
	}
	return nil
}

// checkSVG requires a well-formed SVG document. Browsers run no script of an image, and
// logoPolicy stops it elsewhere. A logo has no use for one.
func checkSVG(content []byte) error {
	d := xml.NewDecoder(bytes.NewReader(content))
	elements := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && elements > 0 {
			return nil
		}
		if err != nil {
			return errNoLogo
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if elements++; elements == 1 && (e.Name.Local != "svg" || e.Name.Space != "http://www.w3.org/2000/svg") {
			return errNoLogo
		}
		if strings.EqualFold(e.Name.Local, "script") || strings.EqualFold(e.Name.Local, "foreignObject") {
			return errLogoActive
		}
		for _, a := range e.Attr {
			if len(a.Name.Local) > 2 && strings.EqualFold(a.Name.Local[:2], "on") {
				return errLogoActive
			}
		}
	}
}

// ServeHTTP answers with the logo.
func (l *Logo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Content-Security-Policy", logoPolicy)
	header.Set("Content-Type", l.contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(l.content))
}
