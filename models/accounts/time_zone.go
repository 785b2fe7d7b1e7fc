package accounts

import (
	"sync"
	"time"
)

// TimeZone is a zone that a company can choose.
type TimeZone struct {
	// Name is the zone's name in the IANA database.
	Name string
	// Label is the name that people choose it by.
	Label string
}

// TimeZoneGroup is a part of the list of zones.
type TimeZoneGroup struct {
	Label string
	Zones []TimeZone
}

// timeZones are the zones that a company can choose, those of most companies first.
var timeZones = []TimeZoneGroup{
	{"United States", []TimeZone{
		{"America/New_York", "Eastern (New York)"},
		{"America/Chicago", "Central (Chicago)"},
		{"America/Denver", "Mountain (Denver)"},
		{"America/Phoenix", "Mountain, no daylight saving (Phoenix)"},
		{"America/Los_Angeles", "Pacific (Los Angeles)"},
		{"America/Anchorage", "Alaska (Anchorage)"},
		{"Pacific/Honolulu", "Hawaii (Honolulu)"},
		{"America/Indiana/Indianapolis", "Indiana (Indianapolis)"},
		{"America/Detroit", "Michigan (Detroit)"},
		{"America/Boise", "Idaho (Boise)"},
		{"America/Puerto_Rico", "Atlantic (Puerto Rico)"},
		{"Pacific/Guam", "Guam"},
	}},
	{"Canada", []TimeZone{
		{"America/St_Johns", "Newfoundland (St. John’s)"},
		{"America/Halifax", "Atlantic (Halifax)"},
		{"America/Toronto", "Eastern (Toronto)"},
		{"America/Winnipeg", "Central (Winnipeg)"},
		{"America/Regina", "Saskatchewan (Regina)"},
		{"America/Edmonton", "Mountain (Edmonton)"},
		{"America/Vancouver", "Pacific (Vancouver)"},
		{"America/Whitehorse", "Yukon (Whitehorse)"},
	}},
	{"Rest of the Americas", []TimeZone{
		{"America/Mexico_City", "Mexico City"},
		{"America/Tijuana", "Tijuana"},
		{"America/Bogota", "Bogotá"},
		{"America/Lima", "Lima"},
		{"America/Santiago", "Santiago"},
		{"America/Argentina/Buenos_Aires", "Buenos Aires"},
		{"America/Sao_Paulo", "São Paulo"},
	}},
	{"Europe and Africa", []TimeZone{
		{"Europe/London", "London"},
		{"Europe/Dublin", "Dublin"},
		{"Europe/Lisbon", "Lisbon"},
		{"Europe/Madrid", "Madrid"},
		{"Europe/Paris", "Paris"},
		{"Europe/Berlin", "Berlin"},
		{"Europe/Athens", "Athens"},
		{"Europe/Kyiv", "Kyiv"},
		{"Africa/Lagos", "Lagos"},
		{"Africa/Cairo", "Cairo"},
		{"Africa/Johannesburg", "Johannesburg"},
	}},
	{"Asia", []TimeZone{
		{"Asia/Jerusalem", "Jerusalem"},
		{"Asia/Yerevan", "Yerevan"},
		{"Asia/Dubai", "Dubai"},
		{"Asia/Karachi", "Karachi"},
		{"Asia/Kolkata", "Kolkata"},
		{"Asia/Manila", "Manila"},
		{"Asia/Singapore", "Singapore"},
		{"Asia/Shanghai", "Shanghai"},
		{"Asia/Tokyo", "Tokyo"},
	}},
	{"Australia and New Zealand", []TimeZone{
		{"Australia/Perth", "Perth"},
		{"Australia/Darwin", "Darwin"},
		{"Australia/Adelaide", "Adelaide"},
		{"Australia/Brisbane", "Brisbane"},
		{"Australia/Sydney", "Sydney"},
		{"Australia/Hobart", "Hobart"},
		{"Pacific/Auckland", "Auckland"},
	}},
	{"Everywhere", []TimeZone{{"UTC", "UTC"}}},
}

// TimeZones returns the zones that a company can choose. The caller must not change
// them.
func TimeZones() []TimeZoneGroup { return timeZones }

// locations has the zones by name. They are read once, because every page needs one.
var locations = sync.OnceValue(func() map[string]*time.Location {
	byName := map[string]*time.Location{}
	for _, group := range timeZones {
		for _, zone := range group.Zones {
			if location, err := time.LoadLocation(zone.Name); err == nil {
				byName[zone.Name] = location
			}
		}
	}
	return byName
})

// olderNames has the names that browsers still give to zones in the list.
var olderNames = map[string]string{
	"America/Buenos_Aires": "America/Argentina/Buenos_Aires",
	"America/Indianapolis": "America/Indiana/Indianapolis",
	"Asia/Calcutta":        "Asia/Kolkata",
	"Europe/Kiev":          "Europe/Kyiv",
	"US/Alaska":            "America/Anchorage",
	"US/Arizona":           "America/Phoenix",
	"US/Central":           "America/Chicago",
	"US/Eastern":           "America/New_York",
	"US/Hawaii":            "Pacific/Honolulu",
	"US/Mountain":          "America/Denver",
	"US/Pacific":           "America/Los_Angeles",
}

// BrowserTimeZone returns the zone in the list for a name that a browser gave. It is
// empty if there is none. A company without a zone has UTC.
func BrowserTimeZone(name string) string {
	if listed, ok := olderNames[name]; ok {
		name = listed
	}
	if !IsTimeZone(name) {
		return ""
	}
	return name
}

// IsTimeZone says whether a company can choose a zone.
func IsTimeZone(name string) bool { return locations()[name] != nil }

// Location returns the zone with a name. It is UTC for a name that is not in the
// list.
func Location(name string) *time.Location {
	if location := locations()[name]; location != nil {
		return location
	}
	return time.UTC
}
