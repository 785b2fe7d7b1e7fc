package secret_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

func TestSecretNeverPrints(t *testing.T) {
	s := secret.New("canary")
	text, err := json.Marshal(struct{ S secret.Value }{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x", s, s, s, s, s, s), fmt.Sprintf("%+v", struct{ S secret.Value }{s}),
		s.LogValue().String(), string(text),
	} {
		if strings.Contains(printed, "canary") || strings.Contains(printed, fmt.Sprintf("%x", "canary")) {
			t.Errorf("printed %s", printed)
		}
	}
}
