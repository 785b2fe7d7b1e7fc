package models

import "github.com/fieldbridge/fieldbridge/models/servicetitan"

// Clients are the environments' clients, in the order in which they are offered.
type Clients []*servicetitan.Client

// In returns the environment's client.
func (cs Clients) In(name servicetitan.EnvironmentName) (*servicetitan.Client, bool) {
	for _, c := range cs {
		if c.Environment().Name == name {
			return c, true
		}
	}
	return nil, false
}
