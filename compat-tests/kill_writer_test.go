package compat_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

var killNamespace = wire.Namespace{
	LayoutVersion: -67, NamespaceID: 1073741825, ClusterID: "CID-kill", CTime: 1500000000000, SoftwareVersion: "3.4.2",
}

// aim is the moment of a kill: so long after the begin of the nth call of a method in a process's life.
type aim struct {
	method string
	nth    int
	after  time.Duration
	name   *regexp.Regexp // of aimFootprint
}

func (a aim) String() string {
	if a.name != nil {
		return fmt.Sprintf("footprint %s, the %d., after %v", a.name, a.nth, a.after)
	}
	return fmt.Sprintf("%s, the %d., after %v", a.method, a.nth, a.after)
}

// atCopy tells that only the recovery of a segment by another node's copy can bring the moment.
func (a aim) atCopy() bool {
	if a.name != nil {
		return a.name.String() == footprintRecord || a.name.String() == footprintCopy
	}
	return a.method == aimDownload
}

// What a kill can be aimed at besides calls.
const (
	aimDownload  = "download"  // of an acceptRecovery, when the copy has been sent, whole or half
	aimFootprint = "footprint" // the nth change of such a name in the directory
	aimIdle      = "idle"      // when nothing is asked
)

// aims are what a kill may be aimed at, with weights.
var aims = map[string]int{
	"journal": 8, "finalizeLogSegment": 4, "startLogSegment": 4, "newEpoch": 3, "prepareRecovery": 2,
	"acceptRecovery": 3, aimDownload: 4, aimFootprint: 16, "purgeLogs": 2, "heartbeat": 1, "getJournalState": 1,
	"format": 2, aimIdle: 1,
}

// newAim draws one.
func newAim(r *rand.Rand) aim {
	a := aim{method: weighted(r, aims), nth: 1, after: moment(r, 2*time.Millisecond)}
	switch a.method {
	case "journal":
		a.nth += r.IntN(40)
	case "finalizeLogSegment", "startLogSegment":
		a.nth += r.IntN(4)
	case aimFootprint:
		a.name, a.after = newFootprint(r, footprints), moment(r, 300*time.Microsecond)*time.Duration(r.IntN(2))
		switch {
		case !a.atCopy():
			a.nth += r.IntN(2) * r.IntN(6)
		case a.name.String() == footprintCopy: // it is made, and it is renamed
			a.nth += r.IntN(2)
		}
	}
	return a
}

// errKilled ends what a writer does to a process that we have killed.
var errKilled = errors.New("killed")

// nodeWriter is the one who writes to the node of [TestKill_OneNode], a new epoch after each kill.
type nodeWriter struct {
	t      *testing.T
	ctx    context.Context
	r      *rand.Rand
	v      *victim
	l      *nodeLedger
	source *segmentSource

	// of one life
	conn          *wire.Client
	aim           aim
	armed         *atomic.Bool
	killed        chan struct{} // closed when the kill is done
	calls         map[string]int
	epoch, serial int64
	open          *segmentLedger

	pendingFormat string
	counts        nodeCounts
}

type nodeCounts struct {
	lives, takeOvers, accepts, downloads, acked, rolls, formats int
	cut                                                         map[string]int // calls without an answer
}

// arm kills the process after a moment, in the middle of whatever it does then.
func (w *nodeWriter) arm() {
	if w.armed.Swap(true) {
		return
	}
	after, killed := w.aim.after, w.killed
	go func() {
		defer close(killed)
		time.Sleep(after)
		w.v.Kill()
	}()
}

// call makes one call; its error is errKilled or the node's answer.
func (w *nodeWriter) call(method string, request wire.Message) (wire.Fields, error) {
	w.t.Helper()
	w.calls[method]++
	if w.aim.method == method && w.aim.nth == w.calls[method] {
		w.arm()
	}
	answer, err := w.conn.Call(method, request)
	var remote *wire.RemoteError
	switch {
	case err == nil:
		return must(wire.Parse(answer))(w.t), nil
	case errors.As(err, &remote):
		return wire.Fields{}, err
	case !w.armed.Load():
		w.t.Fatalf("%s broke the connection and nobody has killed it: %v\n%s", w.v.Name, err, w.v.Tail(60))
	}
	<-w.killed
	w.counts.cut[method]++
	return wire.Fields{}, errKilled
}

// do is call where the node must do what it is asked.
func (w *nodeWriter) do(method string, request wire.Message) (wire.Fields, bool) {
	w.t.Helper()
	answer, err := w.call(method, request)
	if err != nil && !errors.Is(err, errKilled) {
		w.t.Fatalf("life %d: %s: %v\n%s", w.counts.lives, method, err, w.v.Tail(40))
	}
	return answer, err == nil
}

// refused is call where the node must not do what it is asked.
func (w *nodeWriter) refused(method, reason string, request wire.Message) bool {
	w.t.Helper()
	_, err := w.call(method, request)
	if errors.Is(err, errKilled) {
		return false
	}
	if err == nil || !strings.Contains(err.Error(), reason) {
		w.t.Errorf("life %d: %s: %v, want %q", w.counts.lives, method, err, reason)
	}
	return true
}

func (w *nodeWriter) id() wire.Message {
	return wire.Message{}.Bytes(1, wire.JournalID(hadoop.JournalID))
}

// info is the next RequestInfo; committed 0: not told.
func (w *nodeWriter) info(committed int64) wire.Message {
	w.serial++
	if committed == 0 {
		committed = -1
	} else {
		w.l.committed.tried(committed)
	}
	return wire.Message{}.Bytes(1, wire.RequestInfo(hadoop.JournalID, w.epoch, w.serial, committed))
}

// begin connects to a process that was launched.
func (w *nodeWriter) begin(a aim) {
	w.t.Helper()
	w.aim, w.armed, w.killed = a, new(atomic.Bool), make(chan struct{})
	w.calls, w.open, w.serial = make(map[string]int), nil, 0
	w.conn = w.v.dial(w.ctx, hadoop.JournalID)
}

// live is what the writer does in one process's life, until the kill.
func (w *nodeWriter) live(a aim) {
	w.t.Helper()
	w.begin(a)
	defer w.conn.Close()
	if a.method == aimFootprint {
		defer w.follow()()
	}
	if w.pendingFormat == "" || w.settleFormat() {
		if w.takeOver() {
			w.write()
		}
	}
	w.arm()
	<-w.killed
}

// follow arms the kill when the footprint that it is aimed at shows.
func (w *nodeWriter) follow() (end func()) {
	w.t.Helper()
	prints := must(newWatch(w.current()))(w.t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if prints.next(w.aim.name, w.aim.nth) {
			w.arm()
		}
	}()
	return func() {
		check(w.t, prints.close())
		<-done
	}
}

// write writes segments until the kill, or its moment never came.
func (w *nodeWriter) write() {
	w.t.Helper()
	for op := 0; op < 150 && w.aim.method != aimIdle || op < 20; op++ {
		if !w.step() {
			return
		}
	}
}

func (w *nodeWriter) current() string { return w.v.Current(hadoop.JournalID) }

// disk reads the segments of a process that does not change them now.
func (w *nodeWriter) disk() []oracle.Segment {
	w.t.Helper()
	return must(oracle.ReadJournal(w.current()))(w.t)
}

// clutter are files that are neither segments nor the state of the journal.
func (w *nodeWriter) clutter() []string {
	w.t.Helper()
	return must(clutter(filepath.Dir(w.current())))(w.t)
}
