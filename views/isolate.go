package views

import (
	"iter"
	"strings"

	"golang.org/x/text/unicode/bidi"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Text that other people wrote must not change the text around it. A company name
// in Hebrew reverses the number that follows it, and a hidden character may reverse
// a whole line. Pages put such text into a <bdi> element after Shown has removed
// the hidden characters, any of which could end the isolation.

// These characters isolate text where an element cannot (Unicode Standard Annex 9,
// section 2.4).
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// Shown returns a name in the form that pages show inside a <bdi> element.
func Shown(name string) string { return accounts.VisibleText(name) }

// ShownLines returns text of several lines in the form that pages show inside a
// <bdi> element. It keeps joiners, which words of some languages need.
func ShownLines(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c':
			return -1
		}
		return r
	}, text)
}

// Isolate returns a name for use in a sentence, between isolating characters. The
// Told component turns them into a <bdi> element, and Plain into text.
func Isolate(name string) string { return firstStrongIsolate + Shown(name) + popIsolate }

// Plain returns a sentence with names from Isolate for use in a title or an
// attribute. There, a name that runs from left to right needs no isolation.
func Plain(sentence string) string {
	if !strings.Contains(sentence, firstStrongIsolate) {
		return sentence
	}
	var b strings.Builder
	for part := range spans(sentence) {
		if part.name && rightToLeft(part.text) {
			part.text = firstStrongIsolate + part.text + popIsolate
		}
		b.WriteString(part.text)
	}
	return b.String()
}

// rightToLeft reports whether any of the text runs from right to left.
func rightToLeft(text string) bool {
	for _, r := range text {
		switch p, _ := bidi.LookupRune(r); p.Class() {
		case bidi.R, bidi.AL, bidi.AN:
			return true
		}
	}
	return false
}

// span is a part of a sentence. name says that Isolate wrote it.
type span struct {
	text string
	name bool
}

// spans returns the parts of a sentence with names from Isolate.
func spans(sentence string) iter.Seq[span] {
	return func(yield func(span) bool) {
		for {
			before, rest, found := strings.Cut(sentence, firstStrongIsolate)
			if before != "" && !yield(span{text: before}) || !found {
				return
			}
			var name string
			name, sentence, _ = strings.Cut(rest, popIsolate)
			if !yield(span{text: name, name: true}) {
				return
			}
		}
	}
}
