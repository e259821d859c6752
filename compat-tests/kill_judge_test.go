package compat_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// nodeFacts is what a node has said before and must not take back.
type nodeFacts struct {
	promised  int64 // on disk
	told      int64
	finalized map[span]bool // in its manifest
}

func newNodeFacts() *nodeFacts { return &nodeFacts{finalized: make(map[span]bool)} }

// judge looks at three nodes that are up and that nobody writes to.
func (q *trio) judge() []string {
	q.t.Helper()
	q.update()
	copies := q.copies()
	found := append(q.l.found, q.l.problems(copies)...)
	found = append(found, q.judgePromises()...)
	for i, v := range q.nodes {
		found = append(found, q.judgeAnswers(v, q.seen[i])...)
		if n := v.descriptors(); n > 128 && v.Kind == hadoop.Ours {
			found = append(found, fmt.Sprintf("%s has %d descriptors open", v.Name, n))
		} else {
			q.counts.most = max(q.counts.most, n)
		}
	}
	return found
}

// judgePromises reads the promises: none goes back, and a quorum has the last epoch of a writer.
func (q *trio) judgePromises() []string {
	q.t.Helper()
	var found []string
	holders := 0
	for i, promised := range q.promises() {
		if before := q.seen[i].promised; promised < before {
			found = append(found, fmt.Sprintf("%s has promised %d, before it was %d", q.nodes[i].Name, promised, before))
		} else {
			q.seen[i].promised = promised
		}
		if promised >= q.l.epoch {
			holders++
		}
	}
	if holders < 2 {
		found = append(found, fmt.Sprintf("epoch %d of a writer is promised by %d nodes", q.l.epoch, holders))
	}
	return found
}

// judgeAnswers asks a node for its promise and its segments: what it told before it tells again, and what is on its
// disk. Since a node tells a change when it is durable, and a call of a writer that was halted or has given up may
// come to a slow node only now, the disk may be ahead for a moment.
func (q *trio) judgeAnswers(v *victim, facts *nodeFacts) []string {
	q.t.Helper()
	conn := must(wire.Dial(q.ctx, v.RPC, wire.QJournalProtocol, "hdfs"))(q.t)
	defer conn.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		back := append(q.askPromise(v, facts, conn), q.askManifest(v, facts, conn)...)
		if len(back) > 0 {
			return back
		}
		behind := q.behind(v, facts)
		if len(behind) == 0 || time.Now().After(end) {
			return behind
		}
	}
}

func journalID() wire.Message { return wire.Message{}.Bytes(1, wire.JournalID(hadoop.JournalID)) }

// askPromise finds a promise that went back.
func (q *trio) askPromise(v *victim, facts *nodeFacts, conn *wire.Client) []string {
	q.t.Helper()
	state := must(wire.Parse(must(conn.Call("getJournalState", journalID()))(q.t)))(q.t)
	told, _ := state.Int(1)
	if told < facts.told {
		return []string{fmt.Sprintf("%s says it has promised %d, before it was %d", v.Name, told, facts.told)}
	}
	facts.told = told
	return nil
}

// askManifest finds segments that are not listed any more.
func (q *trio) askManifest(v *victim, facts *nodeFacts, conn *wire.Client) []string {
	q.t.Helper()
	request := journalID().Int(2, q.l.purged)
	answer := must(wire.Parse(must(conn.Call("getEditLogManifest", request))(q.t)))(q.t)
	listed := make(map[span]bool)
	for _, log := range must(wire.Parse([]byte(answer.Text(1))))(q.t).Bytes[1] {
		fields := must(wire.Parse(log))(q.t)
		first, _ := fields.Int(1)
		last, _ := fields.Int(2)
		listed[span{first, last}] = true
	}
	var found []string
	for s := range facts.finalized {
		if s.most >= q.l.purged && !listed[s] {
			found = append(found, fmt.Sprintf("%s does not list %d-%d any more", v.Name, s.sure, s.most))
		}
	}
	facts.finalized = listed
	return found
}

// behind is what the disk has and the node did not tell.
func (q *trio) behind(v *victim, facts *nodeFacts) (found []string) {
	q.t.Helper()
	for _, s := range q.copyOf(v).Segments {
		if !s.InProgress && s.Last >= q.l.purged && !facts.finalized[span{s.First, s.Last}] {
			found = append(found, fmt.Sprintf("%s does not list %s", v.Name, s.Name))
		}
	}
	promised := must(readEpoch(filepath.Join(v.Current(hadoop.JournalID), "last-promised-epoch")))(q.t)
	if promised != facts.told {
		found = append(found, fmt.Sprintf("%s says it has promised %d, on disk is %d", v.Name, facts.told, promised))
	}
	return found
}

// finish lets a last writer roll and purge: all nodes take part, and nothing is left of the kills.
func (q *trio) finish() {
	q.t.Helper()
	q.what = "the end"
	q.run(rollsOften)
	q.inSync()
	q.do("halt %s", q.writer)
	q.abandon()
	q.mustTakeOver()
	q.run(rollsOften)
	q.inSync()
	q.do("purge %s %d", q.writer, q.l.recovered+1)
	q.l.purge(q.l.recovered + 1)
	q.inSync()
	q.do("halt %s", q.writer)
	for _, v := range q.nodes {
		if v.Kind == hadoop.Ours { // Java's forgets what it left in paxos
			q.untilClean(v)
		}
	}
	for _, problem := range q.judge() {
		q.t.Errorf("%s: %s", q.what, problem)
	}
	if q.l.last == 0 || q.counts.takeOvers == 0 {
		q.t.Error("this shows nothing")
	}
}

// untilClean waits until a purge, whose end nobody is told, has removed what kills have left.
func (q *trio) untilClean(v *victim) {
	q.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := must(clutter(filepath.Dir(v.Current(hadoop.JournalID))))(q.t)
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			q.t.Errorf("%s still has %q", v.Name, left)
			return
		}
	}
}

// controls does to the nodes what must never happen, while they are dead: the judge must see it.
func (q *trio) controls() {
	q.t.Helper()
	q.what = "control"
	q.run(rollsOften)
	q.inSync()
	q.kill(q.nodes...)
	q.abandon()
	two := q.nodes[:2]

	var undo []func()
	for _, v := range two {
		undo = append(undo, lowerPromise(q.t, v.Current(hadoop.JournalID)))
	}
	convicted(q.t, "a lower promise of two nodes", q.judgePromises(), "has promised")
	convicted(q.t, "a lower promise of two nodes", q.judgePromises(), "of a writer is promised by 1 nodes")
	for _, u := range undo {
		u()
	}
	convicted(q.t, "nothing", append(q.judgePromises(), q.l.found...), "")

	lost := q.l.last
	for _, v := range two {
		q.loseFrom(v, lost)
	}
	convicted(q.t, "a lost transaction", q.l.problems(q.copies()), fmt.Sprintf("acknowledged txid %d lies", lost))
	for _, v := range two {
		// Else the client finds out by itself that a committed transaction is missing, and recovers nothing.
		check(q.t, os.Truncate(filepath.Join(v.Current(hadoop.JournalID), "committed-txid"), 0))
		v.start(q.ctx, hadoop.JournalID)
	}
	check(q.t, q.takeOver())
	convicted(q.t, "a lost transaction, and a takeover by the two that lost it", q.l.found, "are not in the log")
}

// loseFrom cuts the transactions from txid on off a dead node's last segment.
func (q *trio) loseFrom(v *victim, txid int64) {
	q.t.Helper()
	for {
		segments := q.copyOf(v).Segments
		if segments[len(segments)-1].Last < txid {
			return
		}
		loseLastTransaction(q.t, v.Current(hadoop.JournalID))
	}
}

// downloadsIn counts the recoveries of a process that fetched a copy, by what its log says.
func downloadsIn(v *victim) int {
	if v.Kind == hadoop.Java {
		return strings.Count(v.FullLog(), "Synchronizing log ")
	}
	return strings.Count(v.FullLog(), "downloaded=true")
}
