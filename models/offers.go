package models

import (
	"slices"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Offer is an environment that contractors can connect, with its ways in the order in
// which they are offered.
type Offer struct {
	Environment EnvironmentName
	Ways        []Way
}

// Offers lists what contractors can choose. Not every environment has every way.
type Offers []Offer

// OffersOf returns what the environments offer.
func OffersOf(environments []servicetitan.Environment) Offers {
	offers := make(Offers, len(environments))
	for i, e := range environments {
		offers[i] = Offer{Environment: e.Name, Ways: e.Ways}
	}
	return offers
}

// In returns the offer of one environment alone. It returns all of them for no
// environment.
func (o Offers) In(name EnvironmentName) Offers {
	if name == "" {
		return o
	}
	return slices.DeleteFunc(slices.Clone(o), func(offer Offer) bool { return offer.Environment != name })
}

// By returns the offers with those of the ways that they have, without environments
// that have none of them. Each keeps its own order.
func (o Offers) By(ways ...Way) Offers {
	var some Offers
	for _, offer := range o {
		kept := slices.DeleteFunc(slices.Clone(offer.Ways), func(w Way) bool { return !slices.Contains(ways, w) })
		if len(kept) > 0 {
			some = append(some, Offer{offer.Environment, kept})
		}
	}
	return some
}

// Environments returns the environments, in order.
func (o Offers) Environments() []EnvironmentName {
	names := make([]EnvironmentName, len(o))
	for i, offer := range o {
		names[i] = offer.Environment
	}
	return names
}

// Ways returns the ways of all environments, in the order in which they come first.
func (o Offers) Ways() []Way {
	var ways []Way
	for _, offer := range o {
		for _, way := range offer.Ways {
			if !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
		}
	}
	return ways
}

// Recommended returns the way that every environment offers first. It is empty if
// they differ.
func (o Offers) Recommended() Way {
	way := Way("")
	for i, offer := range o {
		if i > 0 && offer.Ways[0] != way {
			return ""
		}
		way = offer.Ways[0]
	}
	return way
}

// Has reports whether an environment offers a way.
func (o Offers) Has(name EnvironmentName, way Way) bool {
	return name != "" && way != "" && len(o.In(name).By(way)) > 0
}

// Settle completes a choice with the answers to questions that have only one. It
// takes out what is not offered: an environment alone, or a way that the environment
// does not have.
func (o Offers) Settle(choice Choice) Choice {
	if len(o.In(choice.Environment)) == 0 {
		choice.Environment = ""
	}
	if len(o.In(choice.Environment).By(choice.Way)) == 0 {
		choice.Way = ""
	}
	if all := o.In(choice.Environment).Ways(); choice.Way == "" && len(all) == 1 {
		choice.Way = all[0]
	}
	if choice.Way == "" {
		return choice
	}
	if all := o.By(choice.Way).Environments(); choice.Environment == "" && len(all) == 1 {
		choice.Environment = all[0]
	}
	return choice
}

// SettleAsk does the same for a choice with which somebody else is asked to connect.
// They connect in the way that the environment offers first.
func (o Offers) SettleAsk(choice Choice) Choice {
	if len(o) == 1 {
		choice.Environment = o[0].Environment
	}
	for _, offer := range o.In(choice.Environment) {
		if choice.Environment != "" && len(o.In(choice.Environment).By(choice.Way)) == 0 {
			choice.Way = offer.Ways[0]
		}
	}
	return o.Settle(choice)
}
