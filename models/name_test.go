package models

import (
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for name, want := range map[string]string{
		"Northgate Heating":           "",
		"  Northgate   Heating ":      "Northgate Heating",
		"Northgate\u00a0Heating":      "Northgate Heating",
		"St. Louis A.C. Repair":       "",
		"Smith & Sons Co.":            "",
		"Cool.Air":                    "",
		"1-800-Plumber.com":           "",
		"24/7 Drains":                 "",
		"Heating/Cooling Inc.":        "",
		"A/C & Heat: Repair":          "",
		"Wow Www Plumbing":            "",
		"Heat@Home":                   "",
		"O’Rourke, Ltd. (Dublin)":     "",
		"No.1/No.2 Heating":           "",
		"Data: Cables":                "",
		"Cafe\u0301 Cooling":          "Café Cooling",
		"שלום קירור":                  "",
		"شركة التبريد":                "",
		"空调公司":                        "",
		"हिन्दी ठंडक":                 "",
		"Nguyễn Văn Ánh":              "",
		"❤\ufe0f Plumbing":            "",
		"+":                           "",
		strings.Repeat("ä", 100):      "",
		strings.Repeat("a\u0308", 99): strings.Repeat("ä", 99),
	} {
		if want == "" {
			want = name
		}
		if got, problem := ParseName(name); got != want || problem != NameFine {
			t.Errorf("%q: %q (%s), want %q", name, got, problem, want)
		}
	}
	for name, want := range map[string]NameProblem{
		"":                                NameMissing,
		" \u3000\u00a0":                   NameMissing,
		strings.Repeat("a", 101):          NameTooLong,
		"North\u202egate":                 NameInvisible,
		"North\u200bgate":                 NameInvisible,
		"\u2066Northgate\u2069":           NameInvisible,
		"North\u200fgate":                 NameInvisible,
		"North\u061cgate":                 NameInvisible,
		"\u200d\u200c\u200d":              NameInvisible,
		"North\u00adgate":                 NameInvisible,
		"\ufeffNorthgate":                 NameInvisible,
		"North\ngate":                     NameInvisible,
		"North\tgate":                     NameInvisible,
		"North\u0085gate":                 NameInvisible,
		"North\u2028gate":                 NameInvisible,
		"North\u2029gate":                 NameInvisible,
		"North\x00gate":                   NameInvisible,
		"North\xffgate":                   NameInvisible,
		"\u3164":                          NameInvisible,
		"North\u3164gate":                 NameInvisible,
		"\uffa0":                          NameInvisible,
		"\u2800\u2800":                    NameInvisible,
		"\u0301\u0302":                    NameInvisible,
		"\u034f":                          NameInvisible,
		"\ufe0f":                          NameInvisible,
		"a\ufe0f\ufe0f":                   NameInvisible,
		"N" + strings.Repeat("\u0316", 9): NameInvisible,
		"North\ue000gate":                 NameInvisible, // private use
		"North\U000e0041gate":             NameInvisible, // a tag
		"North\U000e0ffegate":             NameInvisible, // unassigned
		"North\ufdd0gate":                 NameInvisible, // no character
		"Payout on hold - verify at https://evil.example/pay": NameAddress,
		"HTTP://evil.example": NameAddress,
		"hxxp://evil.example": NameAddress,
		"ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ": NameAddress,
		"see www.evil.example": NameAddress,
		"WWW.evil":             NameAddress,
		"evil.example/pay":     NameAddress,
		"pay at evil.example/": NameAddress,
		"evil.example?pay=1":   NameAddress,
		"evil.example:8080":    NameAddress,
		"evil。example/pay":     NameAddress,
		"evil.example∕pay":     NameAddress,
		"evil.xn--p1ai/x":      NameAddress,
		"192.0.2.1/pay":        NameAddress,
		"192.0.2.1:80":         NameAddress,
		"mailto:pay@evil":      NameAddress,
		"pay@evil.example":     NameAddress,
		"javascript:alert(1)":  NameAddress,
	} {
		if got, problem := ParseName(name); got != "" || problem != want {
			t.Errorf("%q: %q (%s), want %s", name, got, problem, want)
		}
	}
}

func TestAPIKeyNames(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ *clock) {
		keys := NewAPIKeys(db)
		for name, says := range map[string]string{
			"":                     "empty",
			"back \u202eend":       "invisible",
			"https://evil.example": "address",
		} {
			if _, _, err := keys.Create(t.Context(), CommandLine("test"), nil, name); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if key, _, err := keys.Create(t.Context(), CommandLine("test"), nil, " Back  end"); err != nil || key.Name != "Back end" {
			t.Errorf("%q, %v", key.Name, err)
		}
	})
}
