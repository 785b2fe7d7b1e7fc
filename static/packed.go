package static

import (
	"bytes"
	"regexp"
)

// styleComment matches a comment of a stylesheet.
var styleComment = regexp.MustCompile(`(?s)/\*.*?\*/`)

// packed returns a stylesheet or script without what browsers do not need: comments,
// indentation, and empty lines. A script's comments have lines of their own.
func packed(text []byte, extension string) []byte {
	switch extension {
	case ".css":
		text = styleComment.ReplaceAll(text, nil)
	case ".js":
	default:
		return text
	}
	var short bytes.Buffer
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || extension == ".js" && bytes.HasPrefix(line, []byte("//")) {
			continue
		}
		short.Write(line)
		short.WriteByte('\n')
	}
	return short.Bytes()
}
