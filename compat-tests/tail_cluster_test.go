package compat_test

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

//go:embed java/ObserverClient.java
var observerSources embed.FS

// tailKeys let NameNodes ask for edits of the open segment as soon as they have applied the last ones. No edits are
// rolled unless a test does it, so that nobody can follow by finalized segments.
var tailKeys = hadoop.Properties{
	"dfs.ha.tail-edits.in-progress":        "true",
	"dfs.ha.tail-edits.period":             "0ms",
	"dfs.ha.tail-edits.period.backoff-max": "100ms",
	"dfs.ha.log-roll.period":               "-1",
}

// fallback is what a NameNode logs when it reads the open segment over HTTP for want of an answer by RPC, unread when
// it cannot read an answer. It then takes another node's, so that nothing else shows.
const (
	fallback = "via RPC; falling back to streaming"
	unread   = "Got error reading edit log input stream"
)

// followPatience is how long those who tail may take to apply what is there: a busy machine, not a bound to measure.
const followPatience = 40 * time.Second

// tailing is a cluster whose JournalNodes have a cache of edits and whose standby, and observer if there is one, ask
// for them.
type tailing struct {
	*pair
	clients *hadoop.Interactive // see ObserverClient.java; nil without an observer
}

// newTailing configures the cluster, with more keys for its JournalNodes. Nothing is started.
func newTailing(t *testing.T, ctx context.Context, site *hadoop.Site, observer bool, nodes hadoop.Properties) *tailing {
	t.Helper()
	p := newPair(t, ctx, site, hadoop.ClusterOptions{Observer: observer, NameNodes: tailKeys.With(hadoop.Properties{
		"dfs.namenode.fs-limits.max-component-length": "0", // for bulk
	})})
	for _, j := range p.Journals {
		check(t, j.Configure(cacheKeys(nodes)))
	}
	return &tailing{pair: p}
}

// cacheKeys is the configuration of a JournalNode with a cache.
func cacheKeys(more hadoop.Properties) hadoop.Properties {
	return hadoop.Properties{"dfs.ha.tail-edits.in-progress": "true"}.With(more)
}

// start formats and starts everything; nn1 is active.
func (c *tailing) start() {
	c.t.Helper()
	check(c.t, c.StartJournals(c.ctx))
	first := c.NameNodes[0]
	must(first.Run(c.ctx, "-format", "-nonInteractive", "-clusterId", hadoop.ClusterID))(c.t)
	check(c.t, c.StartNameNodes(c.ctx))
	must(c.HAAdmin(c.ctx, "-transitionToActive", "--forceactive", first.ID))(c.t)
	var observer error
	var aside sync.WaitGroup
	defer aside.Wait()
	if c.Observer != nil {
		aside.Go(func() { observer = c.BecomeObserver(c.ctx) })
	}
	check(c.t, first.WaitState(c.ctx, "active"))
	check(c.t, c.StartDataNode(c.ctx, c.AllNameNodes()...))
	aside.Wait()
	check(c.t, observer)
	if c.Observer != nil {
		sources := must(fs.Sub(observerSources, "java"))(c.t)
		c.clients = must(c.Driver(c.ctx, "clients", "org.apache.hadoop.hdfs.server.namenode.ha.ObserverClient", sources,
			[]string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}, c.Properties(),
			hadoop.NameService, c.Observer.RPC))(c.t)
	}
}

// do sends the observer's clients a command.
func (c *tailing) do(format string, args ...any) string {
	c.t.Helper()
	return must(c.clients.Do(c.ctx, fmt.Sprintf(format, args...)))(c.t)
}

// clientCounts is what the observer's clients have done.
type clientCounts struct{ writes, unknown, reads, observed, failed, wrong int }

func (c *tailing) counts(answer string) (n clientCounts) {
	c.t.Helper()
	_, err := fmt.Sscan(answer, &n.writes, &n.unknown, &n.reads, &n.observed, &n.failed, &n.wrong)
	check(c.t, err)
	return n
}

// eventually polls until the condition holds.
func (c *tailing) eventually(what string, holds func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) || c.ctx.Err() != nil {
			c.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// followers are the NameNodes that tail: all that run but the active one.
func (c *tailing) followers() []*hadoop.NameNode {
	c.t.Helper()
	active := c.active()
	var all []*hadoop.NameNode
	for _, n := range c.AllNameNodes() {
		if n != active && n.Running() {
			all = append(all, n)
		}
	}
	return all
}

// follow lets clients do n more operations; then those who tail must come to where the active was. Nothing is rolled.
func (c *tailing) follow(n int64) {
	c.t.Helper()
	c.moreDone(n)
	last := must(c.active().LastTxID())(c.t)
	for _, f := range c.followers() {
		check(c.t, f.WaitTxID(c.ctx, last, followPatience))
	}
}

// phase is a stretch of the scenario in which nobody may need HTTP.
type phase struct {
	c      *tailing
	what   string
	open   int64
	logs   map[*hadoop.NameNode]int
	served map[*hadoop.JournalNode]int64
}

// begin begins a phase.
func (c *tailing) begin(what string) *phase {
	c.t.Helper()
	p := &phase{
		c: c, what: what, open: c.openSegment(), logs: make(map[*hadoop.NameNode]int),
		served: make(map[*hadoop.JournalNode]int64),
	}
	for _, n := range c.followers() {
		p.logs[n] = len(n.FullLog())
	}
	for _, j := range c.Journals {
		if j.Running() {
			p.served[j] = c.metrics(j).TxnsServedViaRPC
		}
	}
	return p
}

// end checks that nothing was rolled, that nobody fell back to HTTP or could not read an answer, and that the given
// nodes have answered transactions by RPC.
func (p *phase) end(nodes ...*hadoop.JournalNode) {
	c := p.c
	c.t.Helper()
	if now := c.openSegment(); p.open == 0 || now != p.open {
		c.t.Errorf("%s: the edits were rolled (open segment %d, then %d): this shows nothing", p.what, p.open, now)
	}
	for n, from := range p.logs {
		log := n.LogSince(from)
		if times := strings.Count(log, fallback); times > 0 {
			c.t.Errorf("%s: %s fell back to HTTP %d times: %s", p.what, n.ID, times, around(log, fallback))
		}
		if times := strings.Count(log, unread); times > 0 {
			c.t.Errorf("%s: %s could not read %d answers: %s", p.what, n.ID, times, around(log, unread))
		}
	}
	for _, j := range nodes {
		c.eventually(p.what+": "+j.Name+" answers transactions by RPC", func() bool { // Java's metrics lag
			return c.metrics(j).TxnsServedViaRPC > p.served[j]
		})
	}
}

// around is the part of a log that tells why a line with this text is there.
func around(log, text string) string {
	const before, after = 300, 4000
	at := strings.Index(log, text)
	return log[max(0, at-before):min(len(log), at+after)]
}

// metrics are a node's; all are 0 if it was started and not yet asked for the journal, which it does not know then.
func (c *tailing) metrics(j *hadoop.JournalNode) hadoop.Metrics {
	m, err := j.Metrics(hadoop.JournalID)
	if err != nil {
		return hadoop.Metrics{}
	}
	return m
}

// agree compares the whole namespaces of all NameNodes, with inode ids, times and blocks, once nobody writes any more.
func (c *tailing) agree() {
	c.t.Helper()
	active := c.active()
	last := must(active.LastTxID())(c.t)
	dumps := map[*hadoop.NameNode]string{active: c.dump(active)}
	for _, n := range c.followers() {
		check(c.t, n.WaitTxID(c.ctx, last, followPatience))
		dumps[n] = c.dump(n)
	}
	if now := must(active.LastTxID())(c.t); now != last {
		c.t.Errorf("%s has gone on from txid %d to %d: this shows nothing", active.ID, last, now)
	}
	for n, text := range dumps {
		if difference := firstDifference(dumps[active], text); difference != "" {
			c.t.Errorf("at txid %d %s (active) and %s (tailing) differ: %s", last, active.ID, n.ID, difference)
		}
	}
	c.t.Logf("%d NameNodes show the same %d paths at txid %d", len(dumps), strings.Count(dumps[active], "\n"), last)
}

// dump is a NameNode's namespace, one path per line.
func (c *tailing) dump(n *hadoop.NameNode) string {
	c.t.Helper()
	file := filepath.Join(c.Dir, "dump-"+n.ID)
	address := " " + n.RPC
	if n == c.Observer {
		address = ""
	}
	var paths, elsewhere int
	_, err := fmt.Sscan(c.do("dump %s%s", file, address), &paths, &elsewhere)
	check(c.t, err)
	if paths == 0 || n == c.Observer && elsewhere > 0 {
		c.t.Errorf("%s shows %d paths; %d lists are not the observer's: this shows nothing", n.ID, paths, elsewhere)
	}
	return string(must(os.ReadFile(file))(c.t))
}

// firstDifference is the first line in which two texts differ.
func firstDifference(one, other string) string {
	ones, others := strings.Split(one, "\n"), strings.Split(other, "\n")
	for i := range max(len(ones), len(others)) {
		var a, b string
		if i < len(ones) {
			a = ones[i]
		}
		if i < len(others) {
			b = others[i]
		}
		if a != b {
			return fmt.Sprintf("%q, %q", a, b)
		}
	}
	return ""
}
