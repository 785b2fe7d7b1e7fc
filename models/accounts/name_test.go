package accounts_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
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
		if got, problem := accounts.ParseName(name); got != want || problem != accounts.NameFine {
			t.Errorf("%q: %q (%s), want %q", name, got, problem, want)
		}
	}
	for name, want := range map[string]accounts.NameProblem{
		"":                                accounts.NameMissing,
		" \u3000\u00a0":                   accounts.NameMissing,
		strings.Repeat("a", 101):          accounts.NameTooLong,
		"North\u202egate":                 accounts.NameInvisible,
		"North\u200bgate":                 accounts.NameInvisible,
		"\u2066Northgate\u2069":           accounts.NameInvisible,
		"North\u200fgate":                 accounts.NameInvisible,
		"North\u061cgate":                 accounts.NameInvisible,
		"\u200d\u200c\u200d":              accounts.NameInvisible,
		"North\u00adgate":                 accounts.NameInvisible,
		"\ufeffNorthgate":                 accounts.NameInvisible,
		"North\ngate":                     accounts.NameInvisible,
		"North\tgate":                     accounts.NameInvisible,
		"North\u0085gate":                 accounts.NameInvisible,
		"North\u2028gate":                 accounts.NameInvisible,
		"North\u2029gate":                 accounts.NameInvisible,
		"North\x00gate":                   accounts.NameInvisible,
		"North\xffgate":                   accounts.NameInvisible,
		"\u3164":                          accounts.NameInvisible,
		"North\u3164gate":                 accounts.NameInvisible,
		"\uffa0":                          accounts.NameInvisible,
		"\u2800\u2800":                    accounts.NameInvisible,
		"\u0301\u0302":                    accounts.NameInvisible,
		"\u034f":                          accounts.NameInvisible,
		"\ufe0f":                          accounts.NameInvisible,
		"a\ufe0f\ufe0f":                   accounts.NameInvisible,
		"N" + strings.Repeat("\u0316", 9): accounts.NameInvisible,
		"North\ue000gate":                 accounts.NameInvisible, // private use
		"North\U000e0041gate":             accounts.NameInvisible, // a tag
		"North\U000e0ffegate":             accounts.NameInvisible, // unassigned
		"North\ufdd0gate":                 accounts.NameInvisible, // no character
		"Payout on hold - verify at https://evil.example/pay": accounts.NameAddress,
		"HTTP://evil.example": accounts.NameAddress,
		"hxxp://evil.example": accounts.NameAddress,
		"ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ": accounts.NameAddress,
		"see www.evil.example": accounts.NameAddress,
		"WWW.evil":             accounts.NameAddress,
		"evil.example/pay":     accounts.NameAddress,
		"pay at evil.example/": accounts.NameAddress,
		"evil.example?pay=1":   accounts.NameAddress,
		"evil.example:8080":    accounts.NameAddress,
		"evil。example/pay":     accounts.NameAddress,
		"evil.example∕pay":     accounts.NameAddress,
		"evil.xn--p1ai/x":      accounts.NameAddress,
		"192.0.2.1/pay":        accounts.NameAddress,
		"192.0.2.1:80":         accounts.NameAddress,
		"mailto:pay@evil":      accounts.NameAddress,
		"pay@evil.example":     accounts.NameAddress,
		"javascript:alert(1)":  accounts.NameAddress,
	} {
		if got, problem := accounts.ParseName(name); got != "" || problem != want {
			t.Errorf("%q: %q (%s), want %s", name, got, problem, want)
		}
	}
}

func TestAPIKeyNames(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		keys := accounts.NewAPIKeys(db)
		for name, says := range map[string]string{
			"":                     "empty",
			"back \u202eend":       "invisible",
			"https://evil.example": "address",
		} {
			if _, _, err := keys.Create(t.Context(), accounts.CommandLine("test"), accounts.NewKey{Name: name, Scopes: accounts.Scopes()}); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if key, _, err := keys.Create(t.Context(), accounts.CommandLine("test"), accounts.NewKey{Name: " Back  end", Scopes: accounts.Scopes()}); err != nil || key.Name != "Back end" {
			t.Errorf("%q, %v", key.Name, err)
		}
	})
}
