package models

import "github.com/fieldbridge/fieldbridge/models/servicetitan"

// Way is one of the roads to a connection.
type Way = servicetitan.Way

// The ways, as servicetitan explains them.
const (
	SignInWay         = servicetitan.SignIn
	GuidedWay         = servicetitan.Guided
	OwnCredentialsWay = servicetitan.OwnCredentials
)

// EnvironmentName says which ServiceTitan is meant.
type EnvironmentName = servicetitan.EnvironmentName

// EnvironmentNames are all there are, in the order in which people read them.
func EnvironmentNames() []EnvironmentName {
	return []EnvironmentName{servicetitan.Production, servicetitan.Integration, servicetitan.Sandbox}
}

// Ways returns all there are, in the order in which people read them.
func Ways() []Way { return []Way{SignInWay, GuidedWay, OwnCredentialsWay} }
