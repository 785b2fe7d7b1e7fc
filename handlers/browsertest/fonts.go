package browsertest

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
)

// Fonts returns how many characters of an element are drawn in each font. Only Chromium
// tells.
func (p *Page) Fonts(selector string) map[string]int {
	p.Helper()
	drawn := map[string]int{}
	inChromium(p, "fonts", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, dom.Enable, dom.EnableParams{}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, t, css.Enable, cdp.Empty{}); err != nil {
			return err
		}
		document, err := cdp.Call(ctx, t, dom.GetDocument, dom.GetDocumentParams{})
		if err != nil {
			return err
		}
		element, err := cdp.Call(ctx, t, dom.QuerySelector, dom.QuerySelectorParams{NodeID: document.Root.NodeID, Selector: selector})
		if err != nil {
			return err
		}
		used, err := cdp.Call(ctx, t, css.GetPlatformFontsForNode, css.GetPlatformFontsForNodeParams{NodeID: element.NodeID})
		if err != nil {
			return err
		}
		for _, font := range used.Fonts {
			name := font.FamilyName
			if !font.IsCustomFont {
				name += " of the machine"
			}
			drawn[name] += int(font.GlyphCount)
		}
		return nil
	}))
	return drawn
}
