package compat_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestKill_OneNode kills one node that a single writer drives through all calls, at random moments and in its
// start. Every answer is in a ledger; each directory that a kill leaves and each answer after a start are compared
// with it.
func TestKill_OneNode(t *testing.T) {
	if control() {
		t.Skip("a JVM takes too long to start for kills by the hundred; TestKill_Quorum runs on Java's nodes too")
	}
	t.Parallel()
	killAgain(t)
	w := newNodeWriter(t, journalnode(t))
	begun := time.Now()
	for w.v.kills < *killLives && !t.Failed() {
		w.life()
	}
	if t.Failed() {
		return
	}
	w.last()
	var cut []string
	for _, method := range slices.Sorted(maps.Keys(w.counts.cut)) {
		cut = append(cut, fmt.Sprintf("%s %d", method, w.counts.cut[method]))
	}
	t.Logf("seed %d: %d kills in %v; %d takeovers, %d accepted copies of which %d fetched, %d rolls, %d formats cut, "+
		"%d transactions acknowledged; calls that a kill cut: %s; %s", *killSeed, w.v.kills,
		time.Since(begun).Round(time.Second), w.counts.takeOvers, w.counts.accepts, w.counts.downloads, w.counts.rolls,
		w.counts.formats, w.counts.acked, strings.Join(cut, ", "), startTimes(w.v))
	if w.counts.acked == 0 || w.counts.downloads == 0 || len(cut) == 0 {
		t.Error("this shows nothing")
	}
}

// newNodeWriter starts a node and formats its journal.
func newNodeWriter(t *testing.T, binary string) *nodeWriter {
	t.Helper()
	w := &nodeWriter{t: t, ctx: deadline(t), r: killPlan(0), l: &nodeLedger{}, source: newSegmentSource(t)}
	w.counts.cut = make(map[string]int)
	site := killSite(t, nil, func() []*victim { return []*victim{w.v} })
	w.v = newVictim(t, site, "node", binary)
	w.v.launch()
	w.conn = w.v.dial(w.ctx, hadoop.JournalID)
	must(w.conn.Call("format", w.id().Bytes(2, killNamespace.Message())))(t)
	check(t, w.conn.Close())
	w.killNow()
	return w
}

// killNow kills the process while nothing is asked of it.
func (w *nodeWriter) killNow() {
	w.t.Helper()
	w.v.kill()
	w.examine()
}

// life is one process that is killed in what it does, or one or more in their start before it.
func (w *nodeWriter) life() {
	w.t.Helper()
	w.counts.lives++
	w.r = killPlan(uint64(w.counts.lives))
	for w.r.IntN(5) == 0 {
		w.v.launch()
		time.Sleep(moment(w.r, 30*time.Millisecond))
		w.killNow()
	}
	w.v.launch()
	w.live(newAim(w.r))
	w.v.kills++
	w.v.examineEnd()
	w.examine()
}

// examine compares what a kill has left with the ledger.
func (w *nodeWriter) examine() {
	w.t.Helper()
	for _, problem := range w.problems() {
		w.t.Errorf("after kill %d, aimed at %v: %s", w.v.kills, w.aim, problem)
	}
}

func (w *nodeWriter) problems() []string {
	w.t.Helper()
	found := w.l.problems(w.disk())
	for name, want := range map[string]span{"last-promised-epoch": w.l.promised, "last-writer-epoch": w.l.writer} {
		if epoch := must(readEpoch(filepath.Join(w.current(), name)))(w.t); !want.has(epoch) {
			found = append(found, fmt.Sprintf("%s is %d, it was %+v", name, epoch, want))
		}
	}
	return found
}

// readEpoch reads the number in a file, 0 if there is none.
func readEpoch(name string) (int64, error) {
	text, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
}

// last lets a node live: it must recover, write on, and be rid of all that the kills have left.
func (w *nodeWriter) last() {
	w.t.Helper()
	w.v.launch()
	w.begin(aim{})
	defer w.conn.Close()
	if w.pendingFormat != "" {
		w.settleFormat()
	}
	w.takeOver()
	for range 2 {
		w.start()
		for range 5 {
			w.journal()
		}
		w.finalize(w.open)
	}
	w.start()
	w.l.purged.tried(w.l.newest().first)
	w.do("purgeLogs", w.info(0).Int(2, w.l.newest().first))
	w.l.purge(w.l.newest().first)
	w.manifest()
	w.examine()
	if left := w.clutter(); len(left) > 0 {
		w.t.Errorf("the kills have left %q", left)
	}
	if n := w.v.descriptors(); n > 64 {
		w.t.Errorf("%d descriptors are open", n)
	}
	check(w.t, w.v.Stop())
	if code := must(w.v.ExitCode(w.ctx))(w.t); code != 143 { // SIGTERM, as a JVM says it
		w.t.Errorf("the last process, which was stopped in an orderly way, ended with %d", code)
	}
}

var (
	clutterName = regexp.MustCompile(`^edits_inprogress_0*(\d+)\D`)
	stateName   = regexp.MustCompile(`^(VERSION|committed-txid|last-promised-epoch|last-writer-epoch|paxos|` +
		`edits_\d+-\d+|edits_inprogress_\d+)$`)
)

// clutter are the files in a journal's directory that are neither segments nor its state. A recovery record is its
// state.
func clutter(root string) ([]string, error) {
	var found []string
	list := func(dir string, known *regexp.Regexp) error {
		entries, err := os.ReadDir(dir)
		for _, entry := range entries {
			if !known.MatchString(entry.Name()) {
				found = append(found, entry.Name())
			}
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	for dir, known := range map[string]*regexp.Regexp{
		root:                                    regexp.MustCompile(`^(current|in_use\.lock|gojn\.reserve)$`),
		filepath.Join(root, "current"):          stateName,
		filepath.Join(root, "current", "paxos"): regexp.MustCompile(`^\d+$`),
	} {
		if err := list(dir, known); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// clutterOf is the first transaction of the segment that a left file belongs to.
func clutterOf(name string) (int64, bool) {
	m := clutterName.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	first, err := strconv.ParseInt(m[1], 10, 64)
	return first, err == nil
}

// weighted draws one of the keys.
func weighted(r *rand.Rand, weights map[string]int) string {
	sum := 0
	for _, weight := range weights {
		sum += weight
	}
	dice := r.IntN(sum)
	for _, key := range slices.Sorted(maps.Keys(weights)) {
		if dice -= weights[key]; dice < 0 {
			return key
		}
	}
	panic("unreachable")
}
