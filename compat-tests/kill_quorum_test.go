package compat_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

//go:embed java/QuorumLoad.java
var loadSources embed.FS

// TestKill_Quorum kills one, two or all of three nodes that the release's own QuorumJournalManager writes to as
// fast as it can: under load, in a roll, in a new writer's recovery and downloads, in a purge and in their start.
// Writers take over from each other, also from ones that still write. After each round the directories, promises
// and manifests are compared with the writers' ledger, and each new writer reads back all transactions since the
// last one.
func TestKill_Quorum(t *testing.T) {
	t.Parallel()
	for _, release := range releases(t) {
		t.Run(release.Version, func(t *testing.T) {
			t.Parallel()
			killAgain(t)
			q := newTrio(t, release)
			begun := time.Now()
			for i := range *killRounds {
				q.round(killPlan(uint64(i)))
				if t.Failed() {
					return
				}
			}
			q.finish()
			q.summary(time.Since(begun))
			q.controls()
		})
	}
}

// trio is three nodes, the Java process with their writers, and its ledger.
type trio struct {
	t     *testing.T
	ctx   context.Context
	r     *rand.Rand
	nodes []*victim
	java  *hadoop.Interactive
	l     *quorumLedger

	writer  string // the one whose turn it is
	writers int
	seen    []*nodeFacts
	what    string // the round
	counts  trioCounts
}

type trioCounts struct {
	rounds                     map[string]int
	takeOvers, failedTakeOvers int
	footprints                 int
	most                       int // descriptors
}

func newTrio(t *testing.T, release hadoop.Release) *trio {
	t.Helper()
	q := &trio{t: t, ctx: deadline(t)}
	q.counts.rounds = make(map[string]int)
	install, err := hadoop.Provision(q.ctx, release)
	if errors.Is(err, hadoop.ErrNoRuntime) && !hadoop.Required() {
		t.Skip(err)
	}
	check(t, err)
	site := killSite(t, install, func() []*victim { return q.nodes })
	var addresses []string
	for i := range 3 {
		v := newVictim(t, site, fmt.Sprintf("node%d", i+1), journalnode(t))
		v.launch()
		q.nodes = append(q.nodes, v)
		q.seen = append(q.seen, newNodeFacts())
		addresses = append(addresses, v.RPC)
	}
	for _, v := range q.nodes {
		check(t, v.dial(q.ctx, hadoop.JournalID).Close())
	}
	ledger := filepath.Join(site.Dir, "ledger")
	q.l = must(newQuorumLedger(ledger))(t)
	t.Cleanup(func() { check(t, q.l.file.Close()) })
	sources := must(fs.Sub(loadSources, "java"))(t)
	q.java = must(site.Driver(q.ctx, "load", "org.apache.hadoop.hdfs.server.namenode.QuorumLoad", sources,
		[]string{"-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto"},
		hadoop.Properties{"ipc.client.connect.max.retries": "1", "ipc.client.connect.retry.interval": "20"},
		fmt.Sprintf("qjournal://%s/%s", strings.Join(addresses, ";"), hadoop.JournalID), ledger))(t)
	q.do("format")
	return q
}

func (q *trio) do(format string, args ...any) string {
	q.t.Helper()
	return must(q.java.Do(q.ctx, fmt.Sprintf(format, args...)))(q.t)
}

// update reads the ledger.
func (q *trio) update() {
	q.t.Helper()
	check(q.t, q.l.update())
}

// until waits until the ledger says so.
func (q *trio) until(what string, ready func() bool) {
	q.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Microsecond) {
		q.update()
		if ready() {
			return
		}
		if time.Now().After(end) || q.ctx.Err() != nil {
			q.t.Fatalf("%s: %s: writer %s is %s; nodes %+v\n%s", q.what, what, q.writer, q.do("state %s", q.writer), q.l.nodes,
				q.java.Tail(30))
		}
	}
}

// restart starts the nodes that are dead; one in three is killed again in its start, once or more.
func (q *trio) restart(nodes ...*victim) {
	q.t.Helper()
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(v *victim) bool { return v.Running() })
	for _, v := range nodes {
		for q.r.IntN(3) == 0 {
			v.launch()
			time.Sleep(moment(q.r, 30*time.Millisecond))
			v.kill()
		}
		v.launch()
	}
	for _, v := range nodes {
		check(q.t, v.dial(q.ctx, hadoop.JournalID).Close())
	}
}

// pick draws n of the nodes.
func (q *trio) pick(n int) []*victim {
	nodes := slices.Clone(q.nodes)
	q.r.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes[:n]
}

// kill kills nodes at once and checks that each has what the client says it had acknowledged.
func (q *trio) kill(nodes ...*victim) {
	q.t.Helper()
	q.update()
	acked := maps.Clone(q.l.nodes)
	killAll(nodes)
	for _, v := range nodes {
		v.kills++
		v.examineEnd()
		q.requireHeld(v, acked[v.RPC].acked)
	}
}

// killAll sends SIGKILL to all and waits for their ends.
func killAll(nodes []*victim) {
	var all sync.WaitGroup
	for _, v := range nodes {
		all.Go(v.Kill)
	}
	all.Wait()
}

// afterEvent waits for a writer's next step of a kind, and a moment.
func (q *trio) afterEvent(event string) {
	q.t.Helper()
	q.update()
	before := q.l.counts[event]
	q.until(event, func() bool { return q.l.counts[event] > before || q.l.failed[q.writer] != "" })
	time.Sleep(moment(q.r, 3*time.Millisecond))
}

// run lets the writer write; a dead one is replaced before.
func (q *trio) run(batches int) {
	q.t.Helper()
	q.restart(q.nodes...)
	if q.writer != "" && strings.HasPrefix(q.do("state %s", q.writer), "dead") {
		q.abandon()
	}
	if q.writer == "" {
		q.mustTakeOver()
	}
	q.do("run %s %d %d", q.writer, q.r.Uint32(), batches)
}

// abandon ends the writer, which finalizes nothing.
func (q *trio) abandon() {
	q.t.Helper()
	q.do("close %s", q.writer)
	q.writer = ""
}

// takeOver makes a new writer, which recovers and reads what the former ones have left. It fails if there is no
// quorum.
func (q *trio) takeOver() error {
	q.t.Helper()
	return q.beginTakeOver().end()
}

// takeOver is one that is under way.
type takeOver struct {
	q            *trio
	name, former string
	done         chan struct{} // closed when err is set
	err          error
}

// beginTakeOver begins it. The former writer, if there is one, goes on until it is refused.
func (q *trio) beginTakeOver() *takeOver {
	q.t.Helper()
	q.update()
	q.writers++
	o := &takeOver{q: q, name: fmt.Sprintf("w%d", q.writers), former: q.writer, done: make(chan struct{})}
	from := q.l.recovered + 1
	q.l.reading(o.name, from)
	go func() {
		defer close(o.done)
		_, o.err = q.java.Do(q.ctx, fmt.Sprintf("open %s %d", o.name, from))
	}()
	return o
}

// end waits for it.
func (o *takeOver) end() error {
	q := o.q
	q.t.Helper()
	<-o.done
	if o.err != nil {
		q.counts.failedTakeOvers++
		q.do("close %s", o.name)
		return o.err
	}
	q.update()
	q.counts.takeOvers++
	if o.former != "" {
		q.requireFenced(o.former)
	}
	q.writer = o.name
	return nil
}

// requireFenced waits for the end of a writer whose epoch is over, if it was writing.
func (q *trio) requireFenced(former string) {
	q.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		state := q.do("state %s", former)
		if strings.HasPrefix(state, "dead") || state == "halted" {
			break
		}
		if time.Now().After(end) {
			q.t.Fatalf("%s: writer %s goes on after its epoch", q.what, former)
		}
	}
	q.do("close %s", former)
}

// mustTakeOver is takeOver with all nodes up.
func (q *trio) mustTakeOver() {
	q.t.Helper()
	q.restart(q.nodes...)
	if err := q.takeOver(); err != nil {
		q.t.Fatalf("%s: no takeover with all nodes up: %v", q.what, err)
	}
}

// inSync waits until all three nodes have acknowledged something after now.
func (q *trio) inSync() {
	q.t.Helper()
	q.update()
	from := q.l.last
	q.until("all nodes in sync", func() bool {
		for _, v := range q.nodes {
			if n := q.l.nodes[v.RPC]; n.outOfSync || n.acked <= from {
				return false
			}
		}
		return true
	})
}

// mustLive checks that the writer has not failed.
func (q *trio) mustLive() {
	q.t.Helper()
	if state := q.do("state %s", q.writer); state != "running" {
		q.t.Errorf("%s: writer %s is %s", q.what, q.writer, state)
	}
}

// mustDie waits for the end of the writer.
func (q *trio) mustDie() {
	q.t.Helper()
	q.until("the writer ends without a quorum", func() bool { return q.l.failed[q.writer] != "" })
}
