package rpcmetrics_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/jmx"
	"gojn/internal/rpcmetrics"
)

var began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read is a bean's attributes in their order, with the numbers as they were written.
type read struct {
	names  []string
	values map[string]any
}

func parse(t *testing.T, text []byte) map[string]*read {
	t.Helper()
	var doc struct{ Beans []json.RawMessage }
	must(t, json.Unmarshal(text, &doc))
	beans := map[string]*read{}
	for _, raw := range doc.Beans {
		b := &read{values: map[string]any{}}
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber()
		_, err := dec.Token()
		must(t, err)
		for dec.More() {
			name, err := dec.Token()
			must(t, err)
			value, err := dec.Token()
			must(t, err)
			b.names = append(b.names, name.(string))
			b.values[name.(string)] = value
		}
		beans[b.values["name"].(string)] = b
	}
	return beans
}

func show(t *testing.T, m *rpcmetrics.Metrics, g rpcmetrics.Gauges, now time.Time) (activity, detailed *read) {
	t.Helper()
	text, err := jmx.Query(m.Beans(g, now), "", false, jmx.Options{})
	must(t, err)
	beans := parse(t, text)
	const prefix = "Hadoop:service=JournalNode,name=Rpc"
	activity = beans[fmt.Sprintf("%sActivityForPort%d", prefix, g.Port)]
	detailed = beans[fmt.Sprintf("%sDetailedActivityForPort%d", prefix, g.Port)]
	if activity == nil || detailed == nil || len(beans) != 2 {
		t.Fatalf("the beans are %v", slices.Collect(maps.Keys(beans)))
	}
	return activity, detailed
}

// want checks attributes as they are printed.
func (b *read) want(t *testing.T, attrs map[string]string) {
	t.Helper()
	for name, value := range attrs {
		if got, ok := b.values[name]; fmt.Sprint(got) != value || !ok {
			t.Errorf("%s is %v, want %s", name, got, value)
		}
	}
}

func kind(v any) string {
	if n, ok := v.(json.Number); ok && strings.ContainsAny(n.String(), ".E") {
		return "a fraction"
	} else if ok {
		return "an integer"
	}
	return fmt.Sprintf("%T", v)
}

// TestBeansLikeJava: after the calls that a real node of each release had, the attributes, their types and the counts are
// its own.
func TestBeansLikeJava(t *testing.T) {
	for release, port := range map[string]int{"2.7.7": 21100, "3.4.2": 21110, "3.5.0": 21120} {
		t.Run(release, func(t *testing.T) {
			text, err := os.ReadFile("testdata/rpc-beans-" + release + ".json")
			must(t, err)
			java := parse(t, text)
			captured := java[fmt.Sprintf("Hadoop:service=JournalNode,name=RpcDetailedActivityForPort%d", port)]
			conf := rpcmetrics.Config{HostName: "vm", Started: began}
			if release == "2.7.7" {
				conf.Release = rpcmetrics.Hadoop27
			}
			calls := map[string]int64{}
			for _, name := range captured.names {
				name, counted := strings.CutSuffix(name, "NumOps")
				if !counted || strings.HasPrefix(name, "Overall") || strings.HasPrefix(name, "Deferred") {
					continue
				}
				n, err := captured.values[name+"NumOps"].(json.Number).Int64()
				must(t, err)
				calls[name] = n
				if !strings.HasSuffix(name, "Exception") {
					conf.Methods = append(conf.Methods, strings.ToLower(name[:1])+name[1:])
				}
			}
			m := rpcmetrics.New(conf)
			total, failed := int64(0), int64(0)
			for name, n := range calls {
				info := hadooprpc.CallInfo{Resolved: true, Method: strings.ToLower(name[:1]) + name[1:],
					Queue: time.Millisecond, Processing: time.Millisecond}
				if strings.HasSuffix(name, "Exception") {
					info.Err, info.ErrorClass, info.Method = errors.New("refused"), "org.apache.hadoop.any.Outer$"+name, "journal"
					failed += n
				}
				for range n {
					m.CallDone(info)
				}
				total += n
			}
			activity, detailed := show(t, m, rpcmetrics.Gauges{Port: port, Users: map[string]int{"root": 2}}, began.Add(time.Minute))
			javas := java[fmt.Sprintf("Hadoop:service=JournalNode,name=RpcActivityForPort%d", port)]
			if !slices.Equal(activity.names, javas.names) {
				t.Errorf("RpcActivity:\n got  %v\n want %v", activity.names, javas.names)
			}
			for _, both := range []struct{ ours, java *read }{{activity, javas}, {detailed, captured}} {
				slices.Sort(both.ours.names) // Java's detailed ones come out of a hash table
				slices.Sort(both.java.names)
				if !slices.Equal(both.ours.names, both.java.names) {
					t.Errorf("attributes\n got  %v\n want %v", both.ours.names, both.java.names)
				}
				for name, value := range both.ours.values {
					captured := both.java.values[name]
					if kind(value) != kind(captured) {
						t.Errorf("%s is %s, Java's is %s", name, kind(value), kind(captured))
					}
					same := strings.HasPrefix(name, "tag.") && !strings.HasSuffix(name, "PerUser") ||
						name == "name" || name == "modelerType"
					counted := strings.HasSuffix(name, "NumOps") && !strings.HasPrefix(name, "Rpc")
					if (same || counted) && value != captured {
						t.Errorf("%s is %v, Java's is %v", name, value, captured)
					}
				}
			}
			all := fmt.Sprint(total)
			activity.want(t, map[string]string{"tag.NumOpenConnectionsPerUser": `{"root":2}`,
				"RpcProcessingTimeNumOps": all, "RpcProcessingTimeAvgTime": "1.0", "RpcQueueTimeNumOps": all})
			if release == "2.7.7" {
				const name = "RpcProcessingTimeNumOps"
				activity.want(t, map[string]string{name: fmt.Sprint(javas.values[name])})
				return
			}
			activity.want(t, map[string]string{"TotalRequests": all, "RpcCallSuccesses": fmt.Sprint(total - failed),
				"RpcLockWaitTimeNumOps": all, "RpcResponseTimeNumOps": all, "RpcEnQueueTimeNumOps": all,
				"TotalRequestsPerSecond": fmt.Sprint(total / 60)})
			detailed.want(t, map[string]string{
				"JournalAvgTime": "1.0", "OverallJournalAvgTime": "2.0", "DeferredJournalAvgTime": "0.0"})
		})
	}
}

// TestIntervals: counts are of the moment, averages of the last interval, which the first question after ten seconds ends
// (Java MetricsSourceAdapter.updateJmxCache, MutableStat.snapshot).
func TestIntervals(t *testing.T) {
	for release, idle := range map[rpcmetrics.Release]string{rpcmetrics.Hadoop34: "0.0", rpcmetrics.Hadoop27: "2.25"} {
		m := rpcmetrics.New(rpcmetrics.Config{Methods: []string{"journal"}, Started: began, Release: release})
		call := func(took time.Duration) {
			m.CallDone(hadooprpc.CallInfo{Method: "journal", Processing: took, Queue: took / 2})
		}
		at := func(seconds int, ops, average, queue string) {
			t.Helper()
			a, d := show(t, m, rpcmetrics.Gauges{}, began.Add(time.Duration(seconds)*time.Second))
			a.want(t, map[string]string{"RpcProcessingTimeNumOps": ops, "RpcProcessingTimeAvgTime": average,
				"RpcQueueTimeNumOps": ops, "RpcQueueTimeAvgTime": queue})
			d.want(t, map[string]string{"JournalNumOps": ops, "JournalAvgTime": average})
		}
		call(time.Millisecond)
		at(9, "1", "0.0", "0.0") // none has ended
		call(2 * time.Millisecond)
		at(10, "2", "1.5", "0.75")
		call(4 * time.Millisecond)
		at(19, "3", "1.5", "0.75")
		call(500 * time.Microsecond)
		at(25, "4", "2.25", "1.125") // those since second 10
		idleQueue := "0.0"
		if idle != "0.0" {
			idleQueue = "1.125"
		}
		at(40, "4", idle, idleQueue) // no call since second 25
	}
}

// TestCountsOfTheServer: what is no call has numbers of its own, and a call that was turned away is none.
func TestCountsOfTheServer(t *testing.T) {
	m := rpcmetrics.New(rpcmetrics.Config{Methods: []string{"journal"}, Started: began})
	o := m.Observer()
	o.Received(7)
	o.Received(4)
	o.Sent(5)
	for i := range 6 {
		if err := errors.New("no"); i < 2 {
			o.Authorized("u", nil, err)
		} else {
			o.Authorized("u", nil, nil)
		}
		if i < 5 {
			o.Authenticated("u", nil, nil)
		} else {
			o.Authenticated("u", nil, errors.New("no"))
		}
	}
	for _, err := range []error{fmt.Errorf("j: %w", hadooprpc.ErrTooBusy), errors.New("retry")} {
		o.CallDone(hadooprpc.CallInfo{Method: "journal", Err: err, ErrorClass: hadooprpc.ClassRetriable})
	}
	m.SlowCall()
	stats := hadooprpc.Stats{Connections: 3, Queued: 4, Running: 5, Refused: 6}
	a, d := show(t, m, rpcmetrics.Gauges{Port: 8485, Stats: stats}, began)
	a.want(t, map[string]string{"ReceivedBytes": "11", "SentBytes": "5",
		"RpcAuthenticationFailures": "1", "RpcAuthenticationSuccesses": "5",
		"RpcAuthorizationFailures": "2", "RpcAuthorizationSuccesses": "4", "RpcClientBackoff": "1", "RpcSlowCalls": "1",
		"TotalRequests": "1", "RpcProcessingTimeNumOps": "1", "RpcCallSuccesses": "0",
		"NumOpenConnections": "3", "CallQueueLength": "4", "NumInProcessHandler": "5", "NumDroppedConnections": "6"})
	d.want(t, map[string]string{"RetriableExceptionNumOps": "1", "JournalNumOps": "0"})
}

// TestMadeUpNames: what a peer makes up, a method or a user, takes no more room than there is, and is counted all the same.
func TestMadeUpNames(t *testing.T) {
	m := rpcmetrics.New(rpcmetrics.Config{Methods: []string{"journal"}, Started: began})
	_, before := show(t, m, rpcmetrics.Gauges{}, began)
	for i := range 1000 {
		m.CallDone(hadooprpc.CallInfo{Method: fmt.Sprint("method", i)})
		m.CallDone(hadooprpc.CallInfo{Method: fmt.Sprint("method", i), Err: errors.New("no"), ErrorClass: fmt.Sprint("a.Class", i)})
		m.CallDone(hadooprpc.CallInfo{Err: errors.New("no"), ErrorClass: "a.b."})
	}
	users := map[string]int{strings.Repeat("é", 1<<16): 999, "often": 1000}
	for i := range 1000 {
		users[fmt.Sprint("user", i)] = 1
	}
	a, d := show(t, m, rpcmetrics.Gauges{Users: users}, began)
	a.want(t, map[string]string{"TotalRequests": "3000", "RpcCallSuccesses": "1000"})
	if got := len(d.names) - len(before.names); got != 4*100 {
		t.Errorf("%d more attributes for made-up names", got)
	}
	text := a.values["tag.NumOpenConnectionsPerUser"].(string)
	var shown map[string]int
	must(t, json.Unmarshal([]byte(text), &shown))
	if len(shown) != 200 || shown["often"] != 1000 || shown[strings.Repeat("é", 128)+"..."] != 999 {
		t.Errorf("%d users in %d bytes: %.200s", len(shown), len(text), text)
	}
}

// TestCountingTakesNoMemory: neither does a call that succeeds, nor a failure of a class that is known.
func TestCountingTakesNoMemory(t *testing.T) {
	m := rpcmetrics.New(rpcmetrics.Config{Methods: []string{"journal"}, Started: began})
	good := hadooprpc.CallInfo{Method: "journal", Processing: time.Millisecond}
	bad := hadooprpc.CallInfo{Method: "journal", Err: errors.New("no"), ErrorClass: "java.io.IOException"}
	if n := testing.AllocsPerRun(100, func() { m.CallDone(good); m.CallDone(bad) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// TestCountedFromManyGoroutines: nothing is lost beside readers.
func TestCountedFromManyGoroutines(t *testing.T) {
	m := rpcmetrics.New(rpcmetrics.Config{Methods: []string{"journal"}, Started: began})
	const workers, calls = 8, 500
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range calls {
				m.CallDone(hadooprpc.CallInfo{Method: "journal"})
				m.CallDone(hadooprpc.CallInfo{Err: errors.New("no"), ErrorClass: fmt.Sprint("a.C", i%50)})
				if i%100 == 0 {
					m.Beans(rpcmetrics.Gauges{}, began.Add(time.Duration(w*i)*time.Second))
				}
			}
		})
	}
	all.Wait()
	a, d := show(t, m, rpcmetrics.Gauges{}, began)
	a.want(t, map[string]string{"TotalRequests": fmt.Sprint(2 * workers * calls)})
	d.want(t, map[string]string{"JournalNumOps": fmt.Sprint(workers * calls), "C7NumOps": fmt.Sprint(workers * calls / 50)})
}

func BenchmarkCallDone(b *testing.B) {
	m := rpcmetrics.New(rpcmetrics.Config{Methods: []string{"journal"}, Started: began})
	info := hadooprpc.CallInfo{Method: "journal", Processing: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		m.CallDone(info)
	}
}
