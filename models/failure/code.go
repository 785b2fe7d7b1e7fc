package failure

import "strings"

// mostReadings bounds how many codes one text may stand for.
const mostReadings = 16

// CodesOf returns the support codes that a text may stand for, in their usual form. The
// text is what somebody heard or typed: in lower case, with or without dashes and spaces,
// with a zero for the letter O, an eight for B, or a one for I or L. It returns none if
// the text is no code.
func CodesOf(text string) []string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r == '0':
			return 'O'
		case r == '8':
			return 'B'
		case r == ' ' || r == '-' || r == '\u00a0' || r == '–' || r == '‑':
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	rest, ok := strings.CutPrefix(plain, "FB")
	if !ok || len(rest) != 8 {
		return nil
	}
	codes := []string{""}
	for _, r := range rest {
		readings := []rune{r}
		switch {
		case r == '1':
			readings = []rune{'I', 'L'}
		case (r < 'A' || r > 'Z') && (r < '2' || r > '7'):
			return nil
		}
		if len(codes)*len(readings) > mostReadings {
			return nil
		}
		var longer []string
		for _, code := range codes {
			for _, reading := range readings {
				longer = append(longer, code+string(reading))
			}
		}
		codes = longer
	}
	for i, code := range codes {
		codes[i] = "FB-" + code[:4] + "-" + code[4:]
	}
	return codes
}
