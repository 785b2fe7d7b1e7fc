package api

import (
	"regexp"
	"strings"

	"github.com/fieldbridge/fieldbridge/views"
)

// The descriptions in the document are CommonMark. They use only a part of it:
// headings, paragraphs, lists, code, and links.

// sectionsOf splits a text at its headings. What comes before the first one has no
// title.
func sectionsOf(text string) []views.APISection {
	var list []views.APISection
	for i, part := range strings.Split("\n"+text, "\n## ") {
		title := ""
		if i > 0 {
			title, part, _ = strings.Cut(part, "\n")
		}
		if blocks := blocksOf(part); len(blocks) > 0 {
			list = append(list, views.APISection{ID: anchor(title), Title: title, Text: blocks})
		}
	}
	return list
}

// anchor returns the ID of a heading.
func anchor(title string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(title), "-"), "-")
}

// blocksOf returns the paragraphs, lists, and code of a text.
func blocksOf(text string) []views.Block {
	var list []views.Block
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case strings.HasPrefix(part, "```"):
			_, code, _ := strings.Cut(part, "\n")
			list = append(list, views.Block{Code: strings.TrimSuffix(code, "\n```")})
		case strings.HasPrefix(part, "- "):
			var items [][]views.Span
			for item := range strings.SplitSeq("\n"+part, "\n- ") {
				if item != "" {
					items = append(items, spansOf(joinLines(item)))
				}
			}
			list = append(list, views.Block{List: items})
		default:
			list = append(list, views.Block{Text: spansOf(joinLines(part))})
		}
	}
	return list
}

func joinLines(text string) string { return strings.Join(strings.Fields(text), " ") }

// inline matches code, and links.
var inline = regexp.MustCompile("`([^`]+)`" + `|\[([^\]]+)\]\(([^)]+)\)`)

// spansOf returns the parts of a line.
func spansOf(line string) []views.Span {
	var list []views.Span
	at := 0
	for _, m := range inline.FindAllStringSubmatchIndex(line, -1) {
		if m[0] > at {
			list = append(list, views.Span{Text: line[at:m[0]]})
		}
		if m[2] >= 0 {
			list = append(list, views.Span{Text: line[m[2]:m[3]], Code: true})
		} else {
			list = append(list, views.Span{Text: line[m[4]:m[5]], Href: line[m[6]:m[7]]})
		}
		at = m[1]
	}
	if at < len(line) {
		list = append(list, views.Span{Text: line[at:]})
	}
	return list
}
