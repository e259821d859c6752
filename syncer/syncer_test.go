package syncer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
	"gojn/syncer"
)

// inBubble runs a test with a clock of its own, which goes on when nothing else does.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// passes lets time pass.
func passes(d time.Duration) {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
}

// TestFillsAllGaps: all that is missing comes from whoever has it, at once when the journal is opened, newest first, and what
// is not known to be committed waits until it is.
func TestFillsAllGaps(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(storage.InvalidTxID).add(1, 3, 4, 6)
		c.node(12).add(4, 6, 10, 12, 13, 15)
		c.node(0).down = true
		b := newBench(t, c, func(cfg *syncer.Config) { cfg.Downloads = 1 }).format().start()
		defer b.stop()
		passes(2 * time.Second)
		b.wantHas("[[1,3] [4,6] [10,12]]")
		var order []string
		for _, f := range c.downloads() {
			_, first, _ := strings.Cut(f, " ")
			order = append(order, first)
		}
		if fmt.Sprint(order) != "[10 4 1]" {
			t.Errorf("order %v", order)
		}
		st := b.s.Status()[0]
		if st.Synced != 3 || st.Missing != 0 || st.Waiting != 1 || st.PeersAsked != 3 || st.PeersAnswered != 2 || st.LastRound.IsZero() {
			t.Errorf("%+v", st)
		}
		if s := b.j.Snapshot(); s.CommittedKnown || s.Promised != 0 {
			t.Error("a sync has changed what a writer decides")
		}
		b.heartbeat(1, 15) // a writer tells
		passes(2 * time.Second)
		b.wantHas("[[1,3] [4,6] [10,12] [13,15]]")
		if entries, err := b.mem.ReadDir("/data/jn/ns1/edits.sync"); err != nil || len(entries) != 0 {
			t.Errorf("edits.sync: %v, %v", entries, err)
		}
		b.stop()
		if _, err := b.mem.Stat("/data/jn/ns1/edits.sync"); err == nil {
			t.Error("edits.sync is there after the stop")
		}
	})
}

// TestRounds: a round comes every interval and says nothing where nothing is missing; a node that is down for days is asked each
// time, and told of once an hour.
func TestRounds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		up := c.node(90).add(1, 3)
		down := c.node(90)
		down.down = true
		b := newBench(t, c, nil).format().start()
		defer b.stop()
		passes(time.Minute)
		b.wantHas("[[1,3]]")
		c.change(func() { up.add(4, 6) })
		passes(30 * time.Second)
		b.wantHas("[[1,3]]")
		passes(time.Minute)
		b.wantHas("[[1,3] [4,6]]")
		c.change(func() { c.asked = 0 })
		passes(2 * time.Hour)
		c.change(func() {
			if c.asked < 2*59 || c.asked > 2*61 {
				t.Errorf("%d questions in two hours", c.asked)
			}
		})
		if n := b.log.count("a JournalNode cannot be asked"); n != 3 {
			t.Errorf("%d lines of a node that is down", n)
		}
		before := strings.Count(b.log.text.String(), "\n")
		c.change(func() { down.down = false })
		passes(time.Hour)
		if n := strings.Count(b.log.text.String(), "\n") - before; n != 1 || b.log.count("a JournalNode answers again") != 1 {
			t.Errorf("%d lines:\n%s", n, b.log.text.String())
		}
	})
}

// TestVanished: a finalized segment that somebody removes is fetched in the next round, and a directory that cannot be listed
// keeps no other segment from being fetched; it is told once.
func TestVanished(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		up := c.node(90).add(1, 3, 4, 6)
		b := newBench(t, c, nil).format()
		var unreadable atomic.Bool
		b.hook = func(op vfs.Op) error {
			if unreadable.Load() && op.Kind == "readdir" && strings.HasSuffix(op.Path, "/current") {
				return errors.New("input/output error")
			}
			return nil
		}
		b.start()
		defer b.stop()
		passes(time.Minute)
		b.wantHas("[[1,3] [4,6]]")
		file := "/data/jn/ns1/current/" + storage.FinalizedName(1, 3)
		b.must(b.mem.Remove(file))
		unreadable.Store(true)
		c.change(func() { c.fetched = nil; up.add(7, 9) })
		passes(10 * time.Minute)
		if got := fmt.Sprint(c.downloads()); got != "[jn2 7]" {
			t.Errorf("beside a directory that cannot be listed: fetched %s", got)
		}
		if n := b.log.count("it cannot be seen whether segments were removed"); n != 1 {
			t.Errorf("told %d times of the directory", n)
		}
		unreadable.Store(false)
		passes(3 * time.Minute)
		if got := fmt.Sprint(c.downloads()); got != "[jn2 7 jn2 1]" {
			t.Errorf("fetched %s", got)
		}
		if _, err := b.mem.Stat(file); err != nil {
			t.Error(err)
		}
		b.wantHas("[[1,3] [4,6] [7,9]]")
	})
}

// TestBadCopy: a copy that is not whole is not taken, whatever is wrong with it, told once, and the next node's is; where no copy
// is good the rest comes in all the same.
func TestBadCopy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		bad, good := c.node(90).add(1, 3, 4, 6, 7, 9), c.node(90).add(1, 3, 4, 6)
		bad.segments[1][20] ^= 1                    // a bit has changed
		bad.segments[4] = bad.segments[4][:30]      // cut off
		bad.segments[7] = segmentFile(1, 3)         // another one
		c.node(90).add(4, 6).segments[4][60] ^= 0x8 // and one more that is bad
		b := newBench(t, c, nil).format().start()
		defer b.stop()
		passes(20 * time.Minute)
		b.wantHas("[[1,3] [4,6]]")
		if n := b.log.count("another node's copy of a segment is bad"); n < 1 || n > 4 {
			t.Errorf("%d lines of bad copies:\n%s", n, b.log.text.String())
		}
		if st := b.s.Status()[0]; st.Missing != 1 || st.Failed == 0 || st.Fetching != 0 {
			t.Errorf("%+v", st)
		}
		only := fmt.Sprintf("%s %d", bad.Host, 7)
		tries := func() (n int) {
			for _, d := range c.downloads() {
				if d == only {
					n++
				}
			}
			return n
		}
		if n := tries(); n != 1 { // rounds go on, and leave it alone
			t.Errorf("the one copy, a bad one, was fetched %d times in 20 minutes", n)
		}
		passes(time.Hour)
		if n := tries(); n != 2 {
			t.Errorf("it was fetched %d times in 80 minutes", n)
		}
		c.change(func() { good.add(7, 9) })
		passes(2 * time.Minute)
		b.wantHas("[[1,3] [4,6] [7,9]]")
	})
}

// TestUnreachable: a node whose downloads fail is left alone for the rest of the round, and the others' are tried; a round that
// failed is repeated soon, and later and later.
func TestUnreachable(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		broken := c.node(900)
		broken.fails = errors.New("read timed out")
		for first := storage.TxID(1); first < 300; first += 3 {
			broken.add(first, first+2)
		}
		b := newBench(t, c, func(cfg *syncer.Config) { cfg.Downloads = 2 }).format().start()
		defer b.stop()
		passes(3 * time.Second)
		first := len(c.downloads())
		if first < 3 || first > 5 {
			t.Errorf("%d downloads of a node that sends nothing", first)
		}
		passes(4 * time.Second)
		if again := len(c.downloads()); again <= first {
			t.Error("the round was not repeated")
		}
		passes(time.Hour)
		if n := len(c.downloads()); n > 5*40 {
			t.Errorf("%d downloads in an hour", n)
		}
		if n := b.log.count("level=WARN"); n > 6 {
			t.Errorf("%d warnings:\n%s", n, b.log.text.String())
		}
		c.change(func() { broken.fails = nil })
		passes(3 * time.Minute)
		if st := b.s.Status()[0]; st.Synced != 100 || st.Missing != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestAtOnce: no more downloads than that at a time, and no more bytes than the bandwidth allows; progress is told with the time
// that is left.
func TestAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		full := c.node(1 << 40)
		size := 0
		for first := storage.TxID(1); first < 20000; first += 1000 {
			full.add(first, first+999)
			size += len(full.segments[first])
		}
		c.during = func(*other, storage.TxID) { time.Sleep(100 * time.Millisecond) }
		b := newBench(t, c, func(cfg *syncer.Config) { cfg.Bandwidth, cfg.Downloads = 10_000, 6 }).format()
		began := time.Now()
		b.start()
		defer b.stop()
		for b.s.Status(); len(b.s.Status()) == 0 || b.s.Status()[0].Synced < 20; {
			passes(time.Second)
			if time.Since(began) > time.Hour {
				t.Fatalf("%+v", b.s.Status())
			}
		}
		if took, least := time.Since(began), time.Duration(size-70_000)*time.Second/10_000; took < least || took > 2*least {
			t.Errorf("%d bytes took %v", size, took)
		}
		if c.most != 3 {
			t.Errorf("%d downloads at once for one journal", c.most)
		}
		if b.log.count(`msg="filling gaps"`) < 2 || b.log.count("eta=") < 2 {
			t.Errorf("no progress:\n%s", b.log.text.String())
		}
	})
}

// TestWritesGoOn: while many segments are fetched a writer writes, and none of its calls waits for a download.
func TestWritesGoOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		full := c.node(900)
		for first := storage.TxID(1); first < 300; first += 3 {
			full.add(first, first+2)
		}
		c.during = func(*other, storage.TxID) { time.Sleep(time.Minute) }
		b := newBench(t, c, nil).format()
		b.start()
		defer b.stop()
		began := time.Now()
		b.must(b.j.StartLogSegment(b.info(1, 0), 1000, -67))
		for tx := storage.TxID(1000); tx < 1100; tx++ {
			b.must(b.j.Write(b.info(1, 900), jnserver.Batch{Segment: 1000, First: tx, Count: 1, Records: segmentFile(tx, tx)[8:]}))
			time.Sleep(5 * time.Second)
		}
		if waited := time.Since(began) - 500*time.Second; waited > time.Second {
			t.Errorf("the writer has waited %v", waited)
		}
		passes(20 * time.Minute)
		if st := b.s.Status()[0]; st.Synced != 100 {
			t.Errorf("%+v", st)
		}
		if s := b.j.Snapshot(); s.Highest != 1099 || s.Writing != 1000 {
			t.Errorf("highest %d, writing %d", s.Highest, s.Writing)
		}
	})
}

// TestGapOfAWriter: when a writer leaves a segment behind, as after a pause of this node, the round does not wait for the
// interval.
func TestGapOfAWriter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		full := c.node(900).add(1, 3)
		b := newBench(t, c, func(cfg *syncer.Config) { cfg.Interval = time.Hour }).format().start()
		defer b.stop()
		passes(time.Minute)
		c.change(func() { full.add(4, 6) })
		b.must(b.j.StartLogSegment(b.info(1, 6), 7, -67))
		passes(10 * time.Second)
		b.wantHas("[[1,3] [4,6]]")
	})
}

// TestStop: a stop in the middle of downloads ends them, and leaves nothing behind.
func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		full := c.node(900)
		for first := storage.TxID(1); first < 300; first += 3 {
			full.add(first, first+2)
		}
		var count atomic.Int32
		c.during = func(*other, storage.TxID) {
			count.Add(1)
			time.Sleep(time.Second)
		}
		b := newBench(t, c, nil).format().start()
		passes(5500 * time.Millisecond)
		b.stop()
		n := count.Load()
		passes(time.Minute)
		if after := count.Load(); after != n || n == 0 || n == 100 {
			t.Errorf("%d downloads, then %d", n, after)
		}
		if _, err := b.mem.Stat("/data/jn/ns1/edits.sync"); err == nil {
			t.Error("edits.sync is there after the stop")
		}
		if b.log.count("level=ERROR")+b.log.count("level=WARN") > 0 {
			t.Error(b.log.text.String())
		}
	})
}

// TestKilled: what came in before a kill is not fetched again.
func TestKilled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		full := c.node(900)
		for first := storage.TxID(1); first < 300; first += 3 {
			full.add(first, first+2)
		}
		c.during = func(*other, storage.TxID) { time.Sleep(time.Second) }
		b := newBench(t, c, nil).format().start()
		passes(10500 * time.Millisecond)
		left := b.mem.CrashClone(nil)
		b.stop()
		c.change(func() { c.fetched = nil })
		again := newBench(t, c, nil)
		_ = again.node.Close()
		again.mem = left
		again.node = jnserver.NewNode(jnserver.Config{
			Env:      jnserver.Env{FS: left, Clock: realClock{}, Fetcher: c, CurrentPerm: 0o700, LockOwner: "1@here"},
			EditsDir: "/data/jn",
		})
		j, err := again.node.Journal("ns1", "")
		again.must(err)
		again.j = j
		here := len(j.Snapshot().Segments)
		if here < 20 || here > 50 {
			t.Fatalf("%d segments survived", here)
		}
		again.s = syncer.New(syncer.Config{Node: again.node, Peers: c, Fetcher: c, Interval: time.Minute})
		again.start()
		defer again.stop()
		passes(2 * time.Minute)
		if n := len(c.downloads()); n != 100-here {
			t.Errorf("%d downloads, %d segments were here", n, here)
		}
		if n := len(j.Snapshot().Segments); n != 100 {
			t.Errorf("%d segments", n)
		}
	})
}

// TestFailsWhileAnotherIsVerified: a round ends for something that is wrong here while another segment is whole already, and only
// its sync takes long. That one is ended too, and comes in with the next round.
func TestFailsWhileAnotherIsVerified(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(900).add(1, 3, 4, 6)
		b := newBench(t, c, nil).format()
		var broken atomic.Bool
		broken.Store(true)
		b.hook = func(op vfs.Op) error {
			name, syncing := strings.CutPrefix(op.Path, "/data/jn/ns1/edits.sync/edits_000000000000000000")
			switch {
			case !syncing || !broken.Load():
			case op.Kind == "sync" && strings.HasPrefix(name, "4"):
				time.Sleep(time.Second)
			case op.Kind == "writeat" && strings.HasPrefix(name, "1"):
				time.Sleep(500 * time.Millisecond)
				return errors.New("the disk says no")
			}
			return nil
		}
		b.start()
		defer b.stop()
		passes(2 * time.Second)
		broken.Store(false)
		passes(30 * time.Minute)
		b.wantHas("[[1,3] [4,6]]")
		if n := b.log.count("gaps cannot be filled"); n != 1 {
			t.Errorf("%d rounds failed:\n%s", n, b.log.text.String())
		}
	})
}

// TestLittleRoom: where little space is left nothing is fetched, which is told once, until there is more.
func TestLittleRoom(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(900).add(1, 3, 4, 6)
		b := newBench(t, c, nil).format()
		b.mem.SetInfo(vfs.FSInfo{Kind: "mem", TotalBytes: 1 << 30, FreeBytes: 50 << 20, FreeInodes: 1 << 20})
		b.start()
		defer b.stop()
		passes(30 * time.Minute)
		b.wantHas("[]")
		if n := b.log.count("too little space is left"); n != 1 {
			t.Errorf("%d lines:\n%s", n, b.log.text.String())
		}
		if len(c.downloads()) != 0 || b.j.Snapshot().Space.Problem != nil {
			t.Errorf("%v, %v", c.downloads(), b.j.Snapshot().Space.Problem)
		}
		b.mem.SetInfo(vfs.FSInfo{Kind: "mem", TotalBytes: 1 << 30, FreeBytes: 60 << 20, FreeInodes: 1 << 20})
		passes(3 * time.Minute)
		b.wantHas("[[1,3] [4,6]]")
	})
}

// TestDisputed: segments that contradict each other are not fetched, and an operator is told.
func TestDisputed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(900).add(1, 3, 4, 9)
		c.node(900).add(1, 3, 4, 8)
		b := newBench(t, c, nil).format().start()
		defer b.stop()
		passes(10 * time.Minute)
		b.wantHas("[[1,3]]")
		if b.log.count("contradict each other") != 1 || b.s.Status()[0].Disputed != 2 {
			t.Errorf("%+v\n%s", b.s.Status(), b.log.text.String())
		}
	})
}

// TestNobodyConfigured: one line, and no question.
func TestNobodyConfigured(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{none: true}
		b := newBench(t, c, nil).format().start()
		defer b.stop()
		passes(time.Hour)
		if c.asked != 0 || b.log.count("\n") != 1 || b.log.count("no other JournalNodes are configured") != 1 {
			t.Error(b.log.text.String())
		}
	})
}

// TestFormat: a journal that is not formatted is, after a node that has edits of it and can tell its namespace; then its gaps are
// filled. Its vote is withheld. (JournalNodeSyncer.formatWithSyncer.)
func TestFormat(t *testing.T) {
	format := func(cfg *syncer.Config) { cfg.Format = true }
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		old, empty, full := c.node(900).add(1, 3), c.node(900), c.node(900).add(1, 3)
		old.noInfo = true
		full.down = true
		b := newBench(t, c, format).start()
		defer b.stop()
		passes(10 * time.Minute)
		if b.j.Snapshot().Formatted() {
			t.Fatalf("formatted after %s or %s", old.Peer, empty.Peer)
		}
		c.change(func() { full.down = false })
		passes(3 * time.Minute)
		b.wantHas("[[1,3]]")
		if s := b.j.Snapshot(); s.Info != info || !s.Vote.Withheld {
			t.Errorf("%+v", s)
		}
	})
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(900).add(1, 3)
		c.node(900).add(1, 3).info.NamespaceID = 43
		b := newBench(t, c, format).start()
		defer b.stop()
		passes(10 * time.Minute)
		if b.j.Snapshot().Formatted() || b.log.count("has the journal of namespace") == 0 {
			t.Error("formatted though two nodes contradict each other")
		}
	})
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(900).add(1, 3)
		b := newBench(t, c, nil).start()
		defer b.stop()
		passes(10 * time.Minute)
		if b.j.Snapshot().Formatted() {
			t.Error("formatted without dfs.journalnode.enable.sync.format")
		}
		b.format() // by hand
		passes(3 * time.Second)
		b.wantHas("[[1,3]]")
	})
}

// TestBeans: the figures of a round, for JMX.
func TestBeans(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := &cluster{}
		c.node(3).add(1, 3, 4, 6)
		b := newBench(t, c, nil).format().start()
		defer b.stop()
		passes(3 * time.Second)
		beans := b.s.Beans()
		if len(beans) != 1 || beans[0].Name != "Hadoop:service=JournalNode,name=JournalNodeSync-ns1" {
			t.Fatalf("%v", beans)
		}
		var got []string
		for _, a := range beans[0].Attrs {
			got = append(got, fmt.Sprintf("%s=%v", a.Name, a.Value))
		}
		for _, want := range []string{"SegmentsSynced=1", "SegmentsWaiting=1", "BytesSynced=71", "PeersAnswered=1"} {
			if !slices.Contains(got, want) {
				t.Errorf("%s is not among %v", want, got)
			}
		}
	})
}
