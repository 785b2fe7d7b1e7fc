package staff

import (
	"strconv"
	"strings"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

// endpointWords names an endpoint.
var endpointWords = map[outage.Endpoint]string{outage.Tokens: "renewals (token endpoint)", outage.API: "checks (API)"}

// kindWords says what ServiceTitan answers in an outage.
//
//exhaustive:ignore
var kindWords = map[servicetitan.ErrorKind]string{
	servicetitan.Unavailable:   "no answer or 5xx",
	servicetitan.GrantRefused:  "invalid_grant",
	servicetitan.ClientRefused: "invalid_client",
	servicetitan.Unauthorized:  "401",
	servicetitan.NotAllowed:    "403",
	servicetitan.TenantUnknown: "404",
}

// outageKinds lists the kinds of errors of an outage, with how many connections get each.
func outageKinds(o outage.Outage) string {
	var parts []string
	for _, kind := range outage.CountedKinds() {
		if n, ok := o.Kinds[kind]; ok {
			parts = append(parts, kindWords[kind]+" ("+views.Thousands(int64(n))+")")
		}
	}
	return strings.Join(parts, ", ")
}

// outageSize says how many connections fail.
func outageSize(o outage.Outage) string {
	return views.Thousands(int64(o.Failing)) + " of " + views.Thousands(int64(o.Tenants)) + " connections tried (" + strconv.Itoa(o.Share()) + "%)"
}

// affected returns the address of the list of connections that are retried in the environment.
func affected(o outage.Outage) string {
	return listAddress(support.ConnectionFilter{Status: support.Status(models.Degraded), Environment: o.Environment}, support.Cursor{})
}

// outageBars returns the samples of an outage as bars. The height is the share of connections
// that fail.
func outageBars(samples []outage.Sample, clock views.Clock) []views.Bar {
	bars := make([]views.Bar, len(samples))
	for i, s := range samples {
		height := 2 + s.Share()*(views.BarHeight-4)/100
		tone := "bad"
		if s.Failing == 0 {
			tone = "ok"
		}
		bars[i] = views.Bar{
			X: i*views.BarStep + 1, Y: views.BarHeight - height, Height: height, Tone: tone, When: clock.Stamp(s.At),
			Says: strconv.Itoa(s.Share()) + "%, " + views.Thousands(int64(s.Failing)) + " of " + views.Thousands(int64(s.Tenants)),
		}
	}
	return bars
}

// chartWidth is the width of the chart of some samples. A few do not fill it.
func chartWidth(samples []outage.Sample) string {
	return "0 0 " + strconv.Itoa(max(len(samples), 30)*views.BarStep) + " " + strconv.Itoa(views.BarHeight)
}

// afterOutage is what to tell the customer if the connection has a trouble of its own during
// an outage. Nobody can tell what is left of it before the outage is over.
func afterOutage(a advice, o outage.Outage, clock views.Clock) advice {
	a.text += " ServiceTitan has also had an outage since " + clock.On(o.BeganAt) + ". Nobody should reconnect before it is over."
	a.tell = "ServiceTitan is having problems with many companies right now. Please wait until that is over, and do not reconnect before. If your connection’s page still asks you to reconnect then, please choose Reconnect there."
	return a
}

// outageAdvice is what to tell the customer during an outage.
func outageAdvice(o outage.Outage, clock views.Clock) advice {
	return advice{
		title: "ServiceTitan has an outage",
		text:  "The outage began " + clock.On(o.BeganAt) + ". In this environment, " + outageSize(o) + " fail now. Do not ask the customer to reconnect because of it.",
		tell:  "ServiceTitan is having problems with many companies right now, not only with yours. Please do not reconnect." + nothingToDo,
	}
}
