package models_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models"
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
		if got, problem := models.ParseName(name); got != want || problem != models.NameFine {
			t.Errorf("%q: %q (%s), want %q", name, got, problem, want)
		}
	}
	for name, want := range map[string]models.NameProblem{
		"":                                models.NameMissing,
		" \u3000\u00a0":                   models.NameMissing,
		strings.Repeat("a", 101):          models.NameTooLong,
		"North\u202egate":                 models.NameInvisible,
		"North\u200bgate":                 models.NameInvisible,
		"\u2066Northgate\u2069":           models.NameInvisible,
		"North\u200fgate":                 models.NameInvisible,
		"North\u061cgate":                 models.NameInvisible,
		"\u200d\u200c\u200d":              models.NameInvisible,
		"North\u00adgate":                 models.NameInvisible,
		"\ufeffNorthgate":                 models.NameInvisible,
		"North\ngate":                     models.NameInvisible,
		"North\tgate":                     models.NameInvisible,
		"North\u0085gate":                 models.NameInvisible,
		"North\u2028gate":                 models.NameInvisible,
		"North\u2029gate":                 models.NameInvisible,
		"North\x00gate":                   models.NameInvisible,
		"North\xffgate":                   models.NameInvisible,
		"\u3164":                          models.NameInvisible,
		"North\u3164gate":                 models.NameInvisible,
		"\uffa0":                          models.NameInvisible,
		"\u2800\u2800":                    models.NameInvisible,
		"\u0301\u0302":                    models.NameInvisible,
		"\u034f":                          models.NameInvisible,
		"\ufe0f":                          models.NameInvisible,
		"a\ufe0f\ufe0f":                   models.NameInvisible,
		"N" + strings.Repeat("\u0316", 9): models.NameInvisible,
		"North\ue000gate":                 models.NameInvisible, // private use
		"North\U000e0041gate":             models.NameInvisible, // a tag
		"North\U000e0ffegate":             models.NameInvisible, // unassigned
		"North\ufdd0gate":                 models.NameInvisible, // no character
		"Payout on hold - verify at https://evil.example/pay": models.NameAddress,
		"HTTP://evil.example": models.NameAddress,
		"hxxp://evil.example": models.NameAddress,
		"ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ": models.NameAddress,
		"see www.evil.example": models.NameAddress,
		"WWW.evil":             models.NameAddress,
		"evil.example/pay":     models.NameAddress,
		"pay at evil.example/": models.NameAddress,
		"evil.example?pay=1":   models.NameAddress,
		"evil.example:8080":    models.NameAddress,
		"evil。example/pay":     models.NameAddress,
		"evil.example∕pay":     models.NameAddress,
		"evil.xn--p1ai/x":      models.NameAddress,
		"192.0.2.1/pay":        models.NameAddress,
		"192.0.2.1:80":         models.NameAddress,
		"mailto:pay@evil":      models.NameAddress,
		"pay@evil.example":     models.NameAddress,
		"javascript:alert(1)":  models.NameAddress,
	} {
		if got, problem := models.ParseName(name); got != "" || problem != want {
			t.Errorf("%q: %q (%s), want %s", name, got, problem, want)
		}
	}
}

func TestAPIKeyNames(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		keys := models.NewAPIKeys(db)
		for name, says := range map[string]string{
			"":                     "empty",
			"back \u202eend":       "invisible",
			"https://evil.example": "address",
		} {
			if _, _, err := keys.Create(t.Context(), models.CommandLine("test"), nil, name); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if key, _, err := keys.Create(t.Context(), models.CommandLine("test"), nil, " Back  end"); err != nil || key.Name != "Back end" {
			t.Errorf("%q, %v", key.Name, err)
		}
	})
}
