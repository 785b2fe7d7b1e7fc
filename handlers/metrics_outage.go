package handlers

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// outageCollector says for each environment whether it has an outage. It is the one metric
// to raise an alarm on.
type outageCollector struct {
	outages      *outage.Monitor
	environments []servicetitan.EnvironmentName
	outage       *prometheus.Desc
}

// WatchOutages adds the metric of outages of these environments.
func (m *Metrics) WatchOutages(outages *outage.Monitor, environments []servicetitan.EnvironmentName) {
	m.registry.MustRegister(&outageCollector{
		outages: outages, environments: environments,
		outage: prometheus.NewDesc("fieldbridge_outage", "1 while ServiceTitan fails for many connections of the environment, else 0.", []string{"environment"}, nil),
	})
}

// Describe implements prometheus.Collector.
func (c *outageCollector) Describe(to chan<- *prometheus.Desc) { to <- c.outage }

// Collect implements prometheus.Collector. It asks no database.
func (c *outageCollector) Collect(to chan<- prometheus.Metric) {
	for _, e := range c.environments {
		value := 0.0
		if _, ok := c.outages.Current(e); ok {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(c.outage, prometheus.GaugeValue, value, string(e))
	}
}
