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

// What a kill can be aimed at besides calls.
const (
	aimDownload  = "download"  // of an acceptRecovery, when the copy has been sent, whole or half
	aimFootprint = "footprint" // the nth change of such a name in the directory
	aimIdle      = "idle"      // when nothing is asked
)

// aims are what a kill may be aimed at, with weights.
var aims = map[string]int{
	"journal": 8, "finalizeLogSegment": 4, "startLogSegment": 4, "newEpoch": 3, "prepareRecovery": 2, "acceptRecovery": 3,
	aimDownload: 4, aimFootprint: 16, "purgeLogs": 2, "heartbeat": 1, "getJournalState": 1, "format": 2, aimIdle: 1,
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
		a.nth += r.IntN(2) * r.IntN(6)
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

// step is one call, and false if it was cut.
func (w *nodeWriter) step() bool {
	w.t.Helper()
	switch dice := w.r.IntN(100); {
	case w.aim.method == "format" && w.calls["format"] == 0 && dice < 10:
		return w.format()
	case w.open == nil:
		return w.start()
	case dice < 12 && w.open.acked > 0:
		return w.finalize(w.open)
	case dice < 15:
		_, ok := w.do("heartbeat", w.info(w.open.end()*int64(min(w.open.acked, 1))))
		return w.noteCommitted(ok)
	case dice < 18 && len(w.l.segments) > 3 || len(w.l.segments) > 25:
		return w.purge()
	case dice < 20:
		return w.manifest()
	default:
		return w.journal()
	}
}

// noteCommitted takes the committed txid of a call that was answered.
func (w *nodeWriter) noteCommitted(ok bool) bool {
	if ok {
		w.l.committed.sure = w.l.committed.most
	}
	return ok
}

func (w *nodeWriter) start() bool {
	w.t.Helper()
	first := int64(1)
	if s := w.l.newest(); s != nil {
		first = s.last() + 1
	}
	s := &segmentLedger{first: first}
	w.l.segments = append(w.l.segments, s)
	w.l.writer.tried(w.epoch)
	_, ok := w.do("startLogSegment", w.info(0).Int(2, first).Sint(3, int64(killNamespace.LayoutVersion)))
	if ok {
		w.l.writer.acked(w.epoch)
		w.open = s
	}
	return ok
}

// frames are new transactions, of which no two have the same bytes.
func (w *nodeWriter) frames(first int64, n int) [][]byte {
	var all [][]byte
	for i := range int64(n) {
		length := w.r.IntN(60)
		if w.r.IntN(50) == 0 {
			length = w.r.IntN(30000)
		}
		name := fmt.Sprintf("/%d/%d/%s", w.epoch, w.r.Uint32(), strings.Repeat("x", length))
		all = append(all, wire.Mkdir(first+i, name))
	}
	return all
}

// journal sends a batch: the first of a segment comes alone. It may be known to be committed, and so need no sync.
func (w *nodeWriter) journal() bool {
	w.t.Helper()
	n := 1
	if w.open.acked > 0 {
		n += w.r.IntN(5)
		if w.r.IntN(20) == 0 {
			n += w.r.IntN(60)
		}
	}
	committed, first := max(w.open.end(), w.l.committed.most), w.open.last()+1
	batch := w.frames(first, n)
	w.open.frames = append(w.open.frames, batch...)
	switch w.r.IntN(4) {
	case 0:
		committed = 0
	case 1:
		committed = w.open.last()
	}
	var records []byte
	for _, f := range batch {
		records = append(records, f...)
	}
	_, ok := w.do("journal", w.info(committed).Int(2, first).Int(3, int64(n)).Bytes(4, records).Int(5, w.open.first))
	if ok {
		w.open.acked = len(w.open.frames)
		w.counts.acked += n
	}
	return w.noteCommitted(ok)
}

func (w *nodeWriter) finalize(s *segmentLedger) bool {
	w.t.Helper()
	s.finalizing = true
	_, ok := w.do("finalizeLogSegment", w.info(0).Int(2, s.first).Int(3, s.end()))
	if ok {
		s.finalized, s.finalizing, s.record = true, false, 0
		w.open = nil
		w.counts.rolls++
	}
	return ok
}

// purge removes what lies before one of the segments. What a purge without an answer has left is purged by the next one.
func (w *nodeWriter) purge() bool {
	w.t.Helper()
	limit := max(w.l.purged.most, w.l.segments[w.r.IntN(len(w.l.segments))].first)
	w.l.purged.tried(limit)
	_, ok := w.do("purgeLogs", w.info(0).Int(2, limit))
	if ok {
		w.l.purge(limit)
		for _, name := range w.clutter() {
			if first, ok := clutterOf(name); ok && first < limit {
				w.t.Errorf("life %d: %s is still there after purgeLogs %d", w.counts.lives, name, limit)
			}
		}
	}
	return ok
}

// manifest asks for the list of segments: each finalized one must be in it.
func (w *nodeWriter) manifest() bool {
	w.t.Helper()
	answer, ok := w.do("getEditLogManifest", w.id().Int(2, 1).Bool(4, true))
	if !ok {
		return false
	}
	listed := make(map[span]bool)
	for _, log := range must(wire.Parse([]byte(answer.Text(1))))(w.t).Bytes[1] {
		fields := must(wire.Parse(log))(w.t)
		first, _ := fields.Int(1)
		last, _ := fields.Int(2)
		if open, _ := fields.Int(3); open == 0 {
			listed[span{first, last}] = true
		}
	}
	for _, s := range w.l.segments {
		if s.finalized && s.last() >= w.l.purged.most && !listed[span{s.first, s.last()}] {
			w.t.Errorf("life %d: the manifest lacks %d-%d", w.counts.lives, s.first, s.last())
		}
	}
	return true
}

// format makes another journal, whose format the kill is aimed at.
func (w *nodeWriter) format() bool {
	w.t.Helper()
	w.pendingFormat = fmt.Sprintf("extra%d", w.counts.lives)
	id := wire.JournalID(w.pendingFormat)
	_, ok := w.do("format", wire.Message{}.Bytes(1, id).Bytes(2, killNamespace.Message()))
	if ok {
		w.pendingFormat += " acknowledged"
	}
	return ok
}

// settleFormat looks at a journal whose format was cut: it is formatted or can be, and takes a writer then.
func (w *nodeWriter) settleFormat() bool {
	w.t.Helper()
	jid, acknowledged := strings.CutSuffix(w.pendingFormat, " acknowledged")
	id := wire.Message{}.Bytes(1, wire.JournalID(jid))
	answer, ok := w.do("isFormatted", id)
	if !ok {
		return false
	}
	if formatted, _ := answer.Int(1); formatted == 0 {
		if acknowledged {
			w.t.Errorf("life %d: the format of %s is forgotten", w.counts.lives, jid)
		}
		if _, ok := w.do("format", id.Bytes(2, killNamespace.Message())); !ok {
			return false
		}
	}
	w.counts.formats++
	w.pendingFormat = ""
	// Without an answer the promise may be there already, and is of no use: the journal is not asked again.
	_, ok = w.do("newEpoch", id.Bytes(2, killNamespace.Message()).Int(3, 1))
	return ok
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
