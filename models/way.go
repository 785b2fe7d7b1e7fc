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
