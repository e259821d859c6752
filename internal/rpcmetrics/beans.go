package rpcmetrics

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/jmx"
)

// interval is the least time of which an average is shown. Java takes its numbers anew when it is asked and the last ones are
// as old as this (MetricsSourceAdapter.updateJmxCache, with the metrics system's default period).
const interval = 10 * time.Second

// shown is the interval whose averages are told.
type shown struct {
	mu        sync.Mutex
	since     time.Time // when it ended, and the present one began
	total     window
	perSecond int64
}

// Gauges are numbers of a moment that the server knows.
type Gauges struct {
	Port  int // that the server listens on
	Stats hadooprpc.Stats
	Users map[string]int // connections by user
}

// Beans are RpcActivityForPort<port> and RpcDetailedActivityForPort<port> in the order in which Java prints their attributes.
// Counts are of this moment. Averages, in milliseconds, are of the last interval: it ends with the first question that comes
// ten seconds or more after it began.
func (m *Metrics) Beans(g Gauges, now time.Time) []jmx.Bean {
	classes := m.failed()
	m.shown.mu.Lock()
	defer m.shown.mu.Unlock()
	failed := m.otherClasses.sample()
	for _, r := range classes {
		failed.plus(r.sample())
	}
	succeeded := m.otherMethods.sample()
	for _, r := range m.methods {
		succeeded.plus(r.sample())
	}
	total := succeeded
	total.plus(failed)
	if length := now.Sub(m.shown.since); length >= interval {
		m.roll(classes, total, length)
		m.shown.since = now
	}
	return []jmx.Bean{m.activity(g, total.calls, succeeded.calls), m.detailed(g, classes)}
}

// roll ends the interval for every rate. shown.mu is held.
func (m *Metrics) roll(classes map[string]*rate, total sample, length time.Duration) {
	keep := m.conf.Release == Hadoop27
	m.shown.perSecond = int64(float64(total.calls-m.shown.total.end.calls) / length.Seconds())
	m.shown.total.roll(total, keep)
	for _, r := range m.methods {
		r.window.roll(r.sample(), keep)
	}
	for _, r := range classes {
		r.window.roll(r.sample(), keep)
	}
}

// failed is a copy of the classes of failures.
func (m *Metrics) failed() map[string]*rate {
	m.classesMu.RLock()
	defer m.classesMu.RUnlock()
	return maps.Clone(m.classes)
}

func bean(name, port string, attrs ...[]jmx.Attr) jmx.Bean {
	name += port
	return jmx.Bean{Name: "Hadoop:service=JournalNode,name=" + name, ModelerType: name, Attrs: slices.Concat(attrs...)}
}

// activity is Java's RpcMetrics. What is always 0 has no counterpart here: nothing waits to be queued, no namesystem has a
// lock to wait for, no answer is deferred or queued again, no backoff disconnects; and answers are written by whoever is
// writing on the connection already, which nobody times.
func (m *Metrics) activity(g Gauges, calls, succeeded int64) jmx.Bean {
	port := strconv.Itoa(g.Port)
	w := &m.shown.total
	tags := []jmx.Attr{{Name: "tag.port", Value: port}}
	if m.conf.Release != Hadoop27 {
		tags = append(tags, jmx.Attr{Name: "tag.serverName", Value: "QJournalProtocolService"})
	}
	tags = append(tags, []jmx.Attr{
		{Name: "tag.Context", Value: "rpc"},
		{Name: "tag.NumOpenConnectionsPerUser", Value: usersText(g.Users)},
		{Name: "tag.Hostname", Value: m.conf.HostName},
	}...)
	gauges := []jmx.Attr{
		{Name: "NumOpenConnections", Value: g.Stats.Connections},
		{Name: "CallQueueLength", Value: g.Stats.Queued},
		{Name: "NumDroppedConnections", Value: g.Stats.Refused},
	}
	received := jmx.Attr{Name: "ReceivedBytes", Value: m.received.Load()}
	sent := jmx.Attr{Name: "SentBytes", Value: m.sent.Load()}
	verdicts := []jmx.Attr{
		{Name: "RpcAuthenticationFailures", Value: m.authenticated.failed.Load()},
		{Name: "RpcAuthenticationSuccesses", Value: m.authenticated.passed.Load()},
		{Name: "RpcAuthorizationFailures", Value: m.authorized.failed.Load()},
		{Name: "RpcAuthorizationSuccesses", Value: m.authorized.passed.Load()},
	}
	queue, processing := ops("RpcQueueTime", calls, w.queue), ops("RpcProcessingTime", calls, w.processing)
	slow := jmx.Attr{Name: "RpcSlowCalls", Value: m.slow.Load()}
	backoff := jmx.Attr{Name: "RpcClientBackoff", Value: m.backoffs.Load()}
	if m.conf.Release == Hadoop27 {
		return bean("RpcActivityForPort", port, tags, []jmx.Attr{received, sent}, queue, processing, verdicts,
			[]jmx.Attr{slow, backoff}, gauges)
	}
	return bean("RpcActivityForPort", port, tags, ops("DeferredRpcProcessingTime", 0, 0), []jmx.Attr{received}, verdicts,
		[]jmx.Attr{{Name: "RpcCallSuccesses", Value: succeeded}, backoff, {Name: "RpcClientBackoffDisconnected", Value: 0}},
		ops("RpcEnQueueTime", calls, 0), ops("RpcLockWaitTime", calls, 0), processing, queue,
		[]jmx.Attr{{Name: "RpcRequeueCalls", Value: 0}}, ops("RpcResponseTime", calls, 0),
		[]jmx.Attr{slow, sent, {Name: "NumInProcessHandler", Value: g.Stats.Running}, {Name: "TotalRequests", Value: calls},
			{Name: "TotalRequestsPerSecond", Value: m.shown.perSecond}}, gauges)
}

// detailed is Java's RpcDetailedMetrics: each method and each class of failures, sorted by name. 2.7 shows those that were
// seen; 3.x each of its methods, three times.
func (m *Metrics) detailed(g Gauges, classes map[string]*rate) jmx.Bean {
	var deferred, overall, plain []jmx.Attr
	show := func(name string, r *rate, failed bool) {
		calls := r.calls.Load()
		name = strings.ToUpper(name[:1]) + name[1:]
		if m.conf.Release == Hadoop27 {
			if calls > 0 {
				plain = append(plain, ops(name, calls, r.window.processing)...)
			}
			return
		}
		if calls == 0 && !r.listed {
			return
		}
		if !failed {
			deferred = append(deferred, ops("Deferred"+name, 0, 0)...)
		}
		overall = append(overall, ops("Overall"+name, calls, r.window.overall)...)
		plain = append(plain, ops(name, calls, r.window.processing)...)
	}
	for _, name := range slices.Sorted(maps.Keys(m.methods)) {
		show(name, m.methods[name], false)
	}
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		show(name, classes[name], true)
	}
	port := strconv.Itoa(g.Port)
	tags := []jmx.Attr{
		{Name: "tag.port", Value: port},
		{Name: "tag.Context", Value: "rpcdetailed"},
		{Name: "tag.Hostname", Value: m.conf.HostName},
	}
	return bean("RpcDetailedActivityForPort", port, tags, deferred, overall, plain)
}

// ops are the two attributes of a rate (Java MutableStat).
func ops(name string, calls int64, mean float64) []jmx.Attr {
	return []jmx.Attr{{Name: name + "NumOps", Value: calls}, {Name: name + "AvgTime", Value: mean}}
}
