package compat_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// rollsOften and rollsNever are how many batches a segment has.
const (
	rollsOften = 8
	rollsNever = 0
)

// rounds are what happens between two looks at the nodes, with weights.
var rounds = map[string]int{
	"one": 8, "two": 4, "three": 2, "failover": 1, "failover and kill": 3, "recovery": 5, "download": 6, "purge": 3,
}

// events are the steps of a writer that a kill can follow: what follows "tried" is a batch, the others a roll.
var events = map[string]int{"tried": 3, "finalizing": 3, "starting": 2, "finalized": 1, "started": 1}

// round kills nodes in one way, brings them back, and judges.
func (q *trio) round(r *rand.Rand) {
	q.t.Helper()
	q.r = r
	kind := weighted(r, rounds)
	q.counts.rounds[kind]++
	q.what = fmt.Sprintf("round %d (%s)", q.sum(), kind)
	switch kind {
	case "one":
		q.killOne()
	case "two":
		q.killQuorum(2)
	case "three":
		q.killQuorum(3)
	case "failover":
		q.failover(0)
	case "failover and kill":
		q.failover(1 + r.IntN(2))
	case "recovery":
		q.killInRecovery()
	case "download":
		q.killInDownload()
	case "purge":
		q.killInPurge()
	}
	q.restart(q.nodes...)
	if q.writer != "" {
		q.do("halt %s", q.writer)
	}
	for _, problem := range q.judge() {
		q.t.Errorf("%s: %s", q.what, problem)
	}
}

// sum is how many rounds there were.
func (q *trio) sum() (n int) {
	for _, count := range q.counts.rounds {
		n += count
	}
	return n
}

// killOne kills one node of three: the writer goes on, and the node takes part again.
func (q *trio) killOne() {
	q.t.Helper()
	q.run(rollsOften)
	q.inSync()
	q.afterEvent(weighted(q.r, events))
	one := q.pick(1)
	q.kill(one...)
	if q.r.IntN(2) == 0 {
		q.afterEvent("acked")
	}
	q.restart(one...)
	q.inSync()
	q.mustLive()
}

// killQuorum kills two or three nodes at once: the writer ends. The next one finds three nodes, or two of which one
// was never dead or all were.
func (q *trio) killQuorum(n int) {
	q.t.Helper()
	q.run(rollsOften)
	q.inSync()
	q.afterEvent(weighted(q.r, events))
	dead := q.pick(n)
	q.kill(dead...)
	q.mustDie()
	q.abandon()
	if q.r.IntN(2) == 0 {
		q.restart(dead[1:]...)
		if err := q.takeOver(); err != nil {
			q.t.Errorf("%s: no takeover with two nodes up: %v", q.what, err)
		}
	}
}

// failover lets a new writer take over from one that still writes, and kills nodes meanwhile.
func (q *trio) failover(kills int) {
	q.t.Helper()
	q.run(rollsOften)
	q.inSync()
	q.killInTakeOver(q.pick(kills))
}

// killInTakeOver begins a takeover and kills nodes at some moment of it. The takeover may fail then.
func (q *trio) killInTakeOver(dead []*victim) {
	q.t.Helper()
	o := q.awaitMoment(dead)
	killAll(dead)
	for _, v := range dead {
		v.kills++
		v.examineEnd()
	}
	err := o.end()
	if err != nil && len(dead) == 0 {
		q.t.Errorf("%s: no takeover with all nodes up: %v", q.what, err)
	}
	// A former writer may have been refused or not; its time is over. A new one that began before the kill of two
	// dies at its next call: the client notices then only that their connections are closed.
	if q.writer != "" && (err != nil || len(dead) > 1) {
		q.abandon()
	}
}

// awaitMoment begins a takeover and returns at a moment of it: any, one after the first promise, or when one of the
// nodes leaves a footprint.
func (q *trio) awaitMoment(dead []*victim) *takeOver {
	q.t.Helper()
	promises := q.promises()
	switch dice := q.r.IntN(5); {
	case dice == 0:
	case dice == 1 || len(dead) == 0:
		o := q.beginTakeOver()
		q.untilPromised(o, promises)
		time.Sleep(moment(q.r, 20*time.Millisecond))
		return o
	default:
		name := newFootprint(q.r, recoveryFootprints)
		after := moment(q.r, 300*time.Microsecond) * time.Duration(q.r.IntN(2))
		prints := must(newWatch(dead[0].Current(hadoop.JournalID)))(q.t)
		seen := make(chan struct{})
		go func() {
			defer close(seen)
			prints.next(name, 1)
		}()
		o := q.beginTakeOver()
		select {
		case <-seen:
			q.counts.footprints++
		case <-o.done:
		}
		time.Sleep(after)
		check(q.t, prints.close())
		<-seen
		return o
	}
	o := q.beginTakeOver()
	time.Sleep(moment(q.r, 60*time.Millisecond))
	return o
}

// promises are the promised epochs on disk.
func (q *trio) promises() []int64 {
	q.t.Helper()
	var all []int64
	for _, v := range q.nodes {
		all = append(all, must(readEpoch(filepath.Join(v.Current(hadoop.JournalID), "last-promised-epoch")))(q.t))
	}
	return all
}

// untilPromised waits until one of the nodes has promised more, or the takeover is over.
func (q *trio) untilPromised(o *takeOver, before []int64) {
	q.t.Helper()
	for ; ; time.Sleep(200 * time.Microsecond) {
		select {
		case <-o.done:
			return
		default:
		}
		for i, epoch := range q.promises() {
			if epoch > before[i] {
				return
			}
		}
	}
}

// killInRecovery leaves an open segment to a new writer, and kills nodes while it recovers that.
func (q *trio) killInRecovery() {
	q.t.Helper()
	q.run(rollsOften)
	q.inSync()
	q.afterEvent("tried")
	q.abandon()
	q.killInTakeOver(q.pick(1 + q.r.IntN(3)))
}

// killInDownload leaves a segment of which one node has too little to a new writer, and nobody else to recover it
// with but the node that has all. In most cases one of the two or both are killed meanwhile.
func (q *trio) killInDownload() {
	q.t.Helper()
	q.run(rollsOften)
	q.inSync()
	q.do("halt %s", q.writer)
	q.run(rollsNever)
	q.inSync()
	nodes := q.pick(3)
	short, other := nodes[0], nodes[1]
	q.kill(short)
	for range 2 + q.r.IntN(10) {
		q.afterEvent("acked")
	}
	q.mustLive()
	q.abandon()
	q.kill(other)
	q.restart(short)
	var dead []*victim
	switch q.r.IntN(6) {
	case 0:
	case 1:
		dead = []*victim{nodes[2]}
	case 2:
		dead = []*victim{nodes[2], short}
	default:
		dead = []*victim{short}
	}
	q.killInTakeOver(dead)
}

// killInPurge removes what was judged before, and kills a node meanwhile.
func (q *trio) killInPurge() {
	q.t.Helper()
	q.run(rollsOften)
	q.inSync()
	limit := q.l.purged
	for _, s := range q.copies()[0].Segments {
		if !s.InProgress && s.Last <= q.l.recovered {
			limit = max(limit, s.First)
		}
	}
	q.do("purge %s %d", q.writer, limit)
	q.l.purge(limit)
	time.Sleep(moment(q.r, 5*time.Millisecond))
	one := q.pick(1)
	q.kill(one...)
	q.restart(one...)
	q.inSync()
	q.mustLive()
}

// copies reads the nodes' directories.
func (q *trio) copies() []oracle.Copy {
	q.t.Helper()
	var all []oracle.Copy
	for _, v := range q.nodes {
		all = append(all, q.copyOf(v))
	}
	return all
}

// copyOf reads one. An error may be a segment that was finalized or purged between listing and reading.
func (q *trio) copyOf(v *victim) oracle.Copy {
	q.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := oracle.ReadCopy(v.Name, v.Current(hadoop.JournalID))
		if err == nil {
			return c
		}
		if time.Now().After(end) || !v.Running() {
			q.t.Fatalf("%s: %v", q.what, err)
		}
	}
}

// requireHeld checks that a dead node has a transaction that it had acknowledged to the client.
func (q *trio) requireHeld(v *victim, txid int64) {
	q.t.Helper()
	if txid < q.l.purged {
		return
	}
	for _, s := range q.copyOf(v).Segments {
		if s.First <= txid && txid <= s.Last {
			return
		}
	}
	q.t.Errorf("%s: %s had acknowledged txid %d to the client, which is not in its directory", q.what, v.Name, txid)
}

// summary tells what was done.
func (q *trio) summary(took time.Duration) {
	q.t.Helper()
	kills, downloads := 0, 0
	for _, v := range q.nodes {
		kills += v.kills
		downloads += v.downloads + downloadsIn(v)
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(rounds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, q.counts.rounds[kind]))
	}
	c := q.counts
	q.t.Logf("seed %d: %d kills in %v; %d transactions, %d takeovers and %d that were cut (%d kills followed a "+
		"footprint), %d downloads in recoveries; rounds: %s; %s; at most %d descriptors", *killSeed, kills, took.Round(time.Second),
		q.l.last, c.takeOvers, c.failedTakeOvers, c.footprints, downloads, strings.Join(kinds, ", "),
		startTimes(q.nodes...), c.most)
}
