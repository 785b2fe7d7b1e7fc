package handlers

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/readiness"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Metrics holds the metrics of one process, for Prometheus.
type Metrics struct {
	registry   *prometheus.Registry
	renewals   *prometheus.HistogramVec
	checks     *prometheus.HistogramVec
	served     *prometheus.CounterVec
	leasesLost prometheus.Counter
	requests   *prometheus.HistogramVec
	webhooks   *prometheus.HistogramVec
	notReady   *prometheus.CounterVec
	notKept    *prometheus.CounterVec
}

// NewMetrics returns metrics that are all zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		renewals: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fieldbridge_renewal_seconds", Help: "Renewals of access, by outcome: ok, or the reason of the failure.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 25},
		}, []string{"environment", "outcome"}),
		checks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fieldbridge_check_seconds", Help: "Scheduled checks, by outcome: ok, not_asked, or the reason of the failure.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 25},
		}, []string{"environment", "outcome"}),
		served: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fieldbridge_tokens_served_total", Help: "Access tokens handed out, by source: cache, database, or renewal.",
		}, []string{"from"}),
		leasesLost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fieldbridge_leases_lost_total", Help: "Renewals whose result was discarded because another renewal or a person had changed the connection.",
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fieldbridge_http_request_seconds", Help: "Requests, by route, method, and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "status"}),
		webhooks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fieldbridge_webhook_attempt_seconds", Help: "Attempts to deliver webhooks, by outcome: delivered or failed.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"outcome"}),
		notReady: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fieldbridge_not_ready_total", Help: "Checks that found that this process cannot do its work, by cause.",
		}, []string{"cause"}),
		notKept: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fieldbridge_failures_lost_total", Help: "Failed requests that were not kept for support, by why: limit, or full if the database takes no writes.",
		}, []string{"why"}),
	}
	for _, why := range []failure.Lost{failure.LostToLimit, failure.LostToFull} {
		m.notKept.WithLabelValues(string(why))
	}
	for _, cause := range readiness.Causes {
		m.notReady.WithLabelValues(string(cause)) // so that the first one counts as an increase
	}
	m.registry.MustRegister(m.renewals, m.checks, m.served, m.leasesLost, m.requests, m.webhooks, m.notReady, m.notKept, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Watch returns the hooks by which the keeper reports to the metrics.
func (m *Metrics) Watch() keeper.Watch {
	return keeper.Watch{
		Renewed: func(environment servicetitan.EnvironmentName, outcome string, took time.Duration) {
			m.renewals.WithLabelValues(string(environment), outcome).Observe(took.Seconds())
		},
		Served:    func(from string) { m.served.WithLabelValues(from).Inc() },
		LeaseLost: m.leasesLost.Inc,
	}
}

// WatchChecks returns the hooks by which the checker reports to the metrics.
func (m *Metrics) WatchChecks() check.Watch {
	return check.Watch{Checked: func(environment servicetitan.EnvironmentName, outcome string, took time.Duration) {
		m.checks.WithLabelValues(string(environment), outcome).Observe(took.Seconds())
	}}
}

// ObserveWebhook counts an attempt to deliver a webhook.
func (m *Metrics) ObserveWebhook(delivered bool, took time.Duration) {
	outcome := "failed"
	if delivered {
		outcome = "delivered"
	}
	m.webhooks.WithLabelValues(outcome).Observe(took.Seconds())
}

// ObserveReadiness counts a check of whether this process can do its work.
func (m *Metrics) ObserveReadiness(cause readiness.Cause) {
	if cause != readiness.None {
		m.notReady.WithLabelValues(string(cause)).Inc()
	}
}

// ObserveLostFailure counts a failed request that was not kept.
func (m *Metrics) ObserveLostFailure(why failure.Lost) { m.notKept.WithLabelValues(string(why)).Inc() }

// observe counts a request by its route, never by its address. It leaves out streams.
func (m *Metrics) observe(c echo.Context, took time.Duration) {
	if isStream(c) {
		return
	}
	route := c.Path()
	if route == "" {
		route = "unmatched"
	}
	m.requests.WithLabelValues(route, request.KnownMethod(c.Request().Method), strconv.Itoa(c.Response().Status)).Observe(took.Seconds())
}

// figuresKept is the maximum age of figures that take a query to count.
const figuresKept = 15 * time.Second

// Figures has the functions for what takes a query to count: the figures of the keeper, and how long
// the longest overdue check has been due.
type Figures struct {
	Keeper   func(context.Context) (keeper.Figures, error)
	CheckLag func(context.Context) (time.Duration, error)
}

// figuresCollector gets the figures for a scrape and keeps them for a moment.
type figuresCollector struct {
	figures                             Figures
	connections, lag, checkLag, unsaved *prometheus.Desc
	mu                                  sync.Mutex
	last                                keeper.Figures
	lastCheckLag                        time.Duration
	until                               time.Time
}

func newFiguresCollector(figures Figures) *figuresCollector {
	return &figuresCollector{
		figures:     figures,
		connections: prometheus.NewDesc("fieldbridge_connections", "Connections, by environment and state.", []string{"environment", "state"}, nil),
		lag:         prometheus.NewDesc("fieldbridge_due_lag_seconds", "How long the longest overdue renewal has been due.", nil, nil),
		checkLag:    prometheus.NewDesc("fieldbridge_check_lag_seconds", "How long the longest overdue check has been due.", nil, nil),
		unsaved:     prometheus.NewDesc("fieldbridge_unsaved_renewals", "Renewals that wait for the database.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (k *figuresCollector) Describe(to chan<- *prometheus.Desc) {
	to <- k.connections
	to <- k.lag
	to <- k.checkLag
	to <- k.unsaved
}

// Collect implements prometheus.Collector.
func (k *figuresCollector) Collect(to chan<- prometheus.Metric) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.After(k.until) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		figures, err := k.figures.Keeper(ctx)
		if err != nil {
			to <- prometheus.NewInvalidMetric(k.connections, err)
			return
		}
		if k.lastCheckLag, err = k.figures.CheckLag(ctx); err != nil {
			to <- prometheus.NewInvalidMetric(k.checkLag, err)
			return
		}
		k.last, k.until = figures, now.Add(figuresKept)
	}
	for _, c := range k.last.Connections {
		to <- prometheus.MustNewConstMetric(k.connections, prometheus.GaugeValue, float64(c.N), string(c.Environment), string(c.State))
	}
	to <- prometheus.MustNewConstMetric(k.lag, prometheus.GaugeValue, k.last.Lag.Seconds())
	to <- prometheus.MustNewConstMetric(k.checkLag, prometheus.GaugeValue, k.lastCheckLag.Seconds())
	to <- prometheus.MustNewConstMetric(k.unsaved, prometheus.GaugeValue, float64(k.last.Unsaved))
}

// Handler answers scrapes. What cannot be found out is left out, so that the rest can be
// read while the database is down.
func (m *Metrics) Handler(figures Figures, ready func(context.Context) readiness.Result) http.Handler {
	m.registry.MustRegister(newFiguresCollector(figures), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fieldbridge_ready", Help: "Whether this process can do its work: 1, or 0 if /readyz says why not.",
	}, func() float64 {
		if ready(context.Background()).Cause != readiness.None {
			return 0
		}
		return 1
	}))
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}
