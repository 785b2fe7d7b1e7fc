package models

import (
	"slices"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// A question with one answer is not asked, and an answer that is not offered is asked
// again.
func TestOffersSettle(t *testing.T) {
	const production, integration = servicetitan.Production, servicetitan.Integration
	all := []Way{SignInWay, GuidedWay, OwnCredentialsWay}
	one := Offers{{production, all}}
	same := Offers{{production, all}, {integration, all}}
	differ := Offers{{production, []Way{GuidedWay, OwnCredentialsWay}}, {integration, []Way{SignInWay}}}
	for name, tt := range map[string]struct {
		offers       Offers
		given, want  Choice
		ways, places int // how many answers each question has then
	}{
		"nothing configured":               {Offers{}, Choice{Environment: production, Way: GuidedWay}, Choice{}, 0, 0},
		"one of each":                      {Offers{{production, all[:1]}}, Choice{}, Choice{Environment: production, Way: SignInWay}, 1, 1},
		"one way in two environments":      {Offers{{production, all[:1]}, {integration, all[:1]}}, Choice{}, Choice{Way: SignInWay}, 1, 2},
		"one environment, the way":         {one, Choice{Way: GuidedWay}, Choice{Environment: production, Way: GuidedWay}, 3, 1},
		"two environments, nothing":        {same, Choice{}, Choice{}, 3, 2},
		"two environments, the way":        {same, Choice{Way: SignInWay}, Choice{Way: SignInWay}, 3, 2},
		"two environments, one of them":    {same, Choice{Environment: integration}, Choice{Environment: integration}, 3, 2},
		"a complete choice":                {same, Choice{Environment: integration, Way: GuidedWay, TenantID: 7}, Choice{Environment: integration, Way: GuidedWay, TenantID: 7}, 3, 2},
		"a way of one environment":         {differ, Choice{Way: SignInWay}, Choice{Environment: integration, Way: SignInWay}, 1, 1},
		"an environment with one way":      {differ, Choice{Environment: integration}, Choice{Environment: integration, Way: SignInWay}, 1, 1},
		"a way that the environment lacks": {differ, Choice{Environment: production, Way: SignInWay}, Choice{Environment: production}, 2, 2},
		"an unknown environment":           {differ, Choice{Environment: "moon", Way: SignInWay}, Choice{Environment: integration, Way: SignInWay}, 1, 1},
		"an unknown way":                   {same, Choice{Environment: production, Way: "magic"}, Choice{Environment: production}, 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.offers.Settle(tt.given)
			if got != tt.want {
				t.Errorf("settled as %+v, want %+v", got, tt.want)
			}
			places := len(tt.offers)
			if got.Way != "" {
				places = len(tt.offers.By(got.Way))
			}
			if ways := len(tt.offers.In(got.Environment).Ways()); ways != tt.ways || places != tt.places {
				t.Errorf("%d ways and %d environments to choose from, want %d and %d", ways, places, tt.ways, tt.places)
			}
		})
	}
	if same.Recommended() != SignInWay || differ.Recommended() != "" || (Offers{}).Recommended() != "" {
		t.Error("the wrong way is recommended")
	}
	if got := differ.Ways(); !slices.Equal(got, []Way{GuidedWay, OwnCredentialsWay, SignInWay}) {
		t.Errorf("the ways are %v", got)
	}
	if !differ.Has(production, GuidedWay) || differ.Has(production, SignInWay) || differ.Has("", SignInWay) || differ.Has(production, "") {
		t.Error("offers what it has not, or has what it does not offer")
	}
	if got := same.By(OwnCredentialsWay, SignInWay).Ways(); !slices.Equal(got, []Way{SignInWay, OwnCredentialsWay}) {
		t.Errorf("some of the ways are %v", got)
	}
}
