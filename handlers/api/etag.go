package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// answerTagged answers with a body that back ends may ask for again and again. The
// answer is 304 and has no body if they have it already (RFC 9110, section 13.1.2).
func answerTagged(c echo.Context, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	h := c.Response().Header()
	tag := tagOf(text)
	h.Set("ETag", tag)
	h.Set(echo.HeaderCacheControl, "private, no-cache")
	if matches(c.Request().Header.Values("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSONBlob(http.StatusOK, text)
}

// tagOf returns the tag of what an answer says. It is weak, because a proxy on the way
// may compress the answer.
func tagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// matches says whether one of the tags that were sent is ours. It compares them as
// weak tags (RFC 9110, section 8.8.3.2).
func matches(sent []string, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for _, line := range sent {
		for part := range strings.SplitSeq(line, ",") {
			if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == opaque {
				return true
			}
		}
	}
	return false
}
