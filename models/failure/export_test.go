package failure

// This file exports what the package's own tests need besides its API.

const (
	MostOfOne       = mostOfOne
	MostOfStrangers = mostOfStrangers
	MostOfAll       = mostOfAll
	MostWaiting     = mostWaiting
)

// TrimTo is Trim with another limit.
var TrimTo = trim
