package jnserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// gate lets a test hold one operation: the operation says that it has arrived, and waits until it is let go.
type gate struct {
	armed   atomic.Bool
	arrived chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{arrived: make(chan struct{}), open: make(chan struct{})} }

// pass holds the first caller after arming.
func (g *gate) pass() {
	if g.armed.CompareAndSwap(true, false) {
		close(g.arrived)
		<-g.open
	}
}

// Readers answer from the snapshot while a writer hangs in its disk or in a download, and other journals' writers go on.
func TestReadersNeverWait(t *testing.T) {
	for name, hang := range map[string]func(t *testing.T, j *jnserver.Journal, w *writer) error{
		"write": func(_ *testing.T, j *jnserver.Journal, w *writer) error { return j.Write(w.info(), writes(4, 9, 10)) },
		"fetch": func(t *testing.T, j *jnserver.Journal, w *writer) error {
			return j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			fetch := fetchFunc(func(ctx context.Context, url string, dst io.Writer) (int64, error) {
				g.pass()
				return fetchBytes(segmentFile(4, 9))(ctx, url, dst)
			})
			fsys := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
				if name == "write" && op.Kind == "syncdata" && strings.HasPrefix(op.Path, journalRoot) {
					g.pass()
				}
				return nil
			})
			n := newNode(t, newConfig(fsys, fetch))
			for _, jid := range []string{"ns1", "ns2"} {
				c := &rpcClient{t: t, client: newClient(t, n), jid: jid, lv: 0xffffffff - 66}
				for _, answer := range []string{c.format(false, nil), c.newEpoch(1, nil), c.start(1, 1), c.edits(c.info(1, -1), 1, 1, 3),
					c.finalize(1, 1, 3), c.start(1, 4), c.edits(c.info(1, 3), 4, 4, 8)} {
					if !strings.HasPrefix(answer, "OK") {
						t.Fatal(answer)
					}
				}
			}
			j, err := n.Journal("ns1", "")
			must(t, err)
			other, err := n.Journal("ns2", "")
			must(t, err)
			w := &writer{epoch: 1, serial: 100}
			before := *j.Snapshot()
			g.armed.Store(true)
			done := make(chan error, 1)
			go func() { done <- hang(t, j, w) }()
			select {
			case <-g.arrived:
			case err := <-done:
				g.armed.Store(false)
				t.Fatalf("nothing was waited for: %v", err)
			}

			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() {
					epoch, err := j.LastPromisedEpoch()
					if err != nil || epoch != 1 {
						t.Errorf("state %d %v", epoch, err)
					}
					m, err := j.EditLogManifest(1, true)
					if err != nil || m.String() != "[[1,3], [4,8]] CommittedTxId: 3" {
						t.Errorf("manifest %s %v", m, err)
					}
					if scan, err := readSegment(t, j, 4); err != nil || scan.End != 8 {
						t.Errorf("segment 4 ends at %d, %v", scan.End, err)
					}
					if beans := n.Beans(jnserver.NodeInfo{}); len(beans) != 3 {
						t.Errorf("%d beans", len(beans))
					}
					if h := n.Health(); len(h) != 2 {
						t.Errorf("health %v", h)
					}
					if got := j.Snapshot(); got.Highest != before.Highest || got.Writing != before.Writing {
						t.Errorf("snapshot %+v", got)
					}
				})
			}
			readers.Wait()
			must(t, other.Write((&writer{epoch: 1, serial: 200}).info(), writes(4, 9, 10)))
			must(t, other.Heartbeat((&writer{epoch: 1, serial: 300}).info()))
			close(g.open)
			must(t, <-done)
		})
	}
}

// Readers of one journal beside its writer, for the race detector; each sees a manifest that the segment's bytes hold.
func TestReadersBesideWriter(t *testing.T) {
	j, w := written(t, newEnv(vfs.NewMem(), noFetch))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			last := storage.TxID(0)
			for {
				m, err := j.EditLogManifest(1, true)
				if err != nil || len(m.Logs) == 0 {
					t.Errorf("manifest %s %v", m, err)
					return
				}
				end := m.Logs[len(m.Logs)-1]
				if end.Last < last {
					t.Errorf("the manifest went back from %d to %d", last, end.Last)
				}
				last = end.Last
				if scan, err := readSegment(t, j, end.First); err != nil || scan.End < end.Last {
					t.Errorf("the manifest promises %s, the segment ends at %d, %v", end, scan.End, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	first := storage.TxID(4)
	for tx := storage.TxID(9); tx < 150; tx++ {
		must(t, j.Write(w.info(), writes(first, tx, tx)))
		w.committed = tx
		if tx%20 == 0 {
			must(t, j.FinalizeLogSegment(w.info(), first, tx))
			first = tx + 1
			must(t, j.StartLogSegment(w.info(), first, layout))
		}
	}
	close(stop)
	readers.Wait()
}

// Two callers that are the first to ask for a journal open it once.
func TestOpenedOnce(t *testing.T) {
	mem := vfs.NewMem()
	copyFixture(t, mem, "3.4.2", journalRoot+"/current")
	g := newGate()
	var locks atomic.Int64
	n := newNode(t, newConfig(vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "lock" {
			locks.Add(1)
			g.pass()
		}
		return nil
	}), noFetch))
	g.armed.Store(true)
	journals := make(chan *jnserver.Journal, 8)
	ask := func() {
		j, err := n.Journal("ns1", "")
		if err != nil {
			t.Error(err)
		}
		journals <- j
	}
	go ask()
	<-g.arrived
	for range 7 {
		go ask()
	}
	// Another journal does not wait for this one's disk.
	if _, err := n.Journal("ns2", ""); err != nil {
		t.Error(err)
	}
	close(g.open)
	first := <-journals
	for range 7 {
		if <-journals != first {
			t.Error("two Journals of one directory")
		}
	}
	if locks.Load() != 1 {
		t.Errorf("locked %d times", locks.Load())
	}
}

// Questions about journals that nobody formatted leave nothing behind: no directory, no memory, no lock.
func TestUnknownJournals(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	n := newNode(t, newConfig(mem, noFetch))
	c := &rpcClient{t: t, client: newClient(t, n), lv: 0xffffffff - 66}
	for i := range 200 {
		c.jid = fmt.Sprint("nobody", i)
		for _, w := range []struct{ got, want string }{
			{c.isFormatted(), "OK false"},
			{c.journalState(), notFormatted + ".."},
			{c.manifest(1, true), notFormatted + ".."},
			{c.cTime(), "FAIL java.io.FileNotFoundException .."},
			{c.canRollBack(layout), "FAIL java.io.FileNotFoundException .."},
			{c.heartbeat(c.info(1, 5)), notFormatted + ".."},
			{c.newEpoch(1, nil), notFormatted + ".."},
			{c.edits(c.info(1, -1), 1, 1, 1), notFormatted + ".."},
			{c.start(1, 1), notFormatted + ".."},
			{c.finalize(1, 1, 1), notFormatted + ".."},
			{c.purge(1, 1), notFormatted + ".."},
			{c.prepare(1, 1), notFormatted + ".."},
			{c.accept(c.info(1, -1), 1, 1, true, "http://x/"), notFormatted + ".."},
			{c.format(false, func(s *storageInfoProto) { s.NamespceID = new(uint32) }), "FAIL java.lang.IllegalStateException .."},
			{c.discard(1), "FAIL java.io.IOException Invalid directory .."},
			{c.doPreUpgrade(), "FAIL java.lang.IllegalStateException .."},
			{c.doUpgrade(), "FAIL java.lang.IllegalStateException .."},
			{c.doFinalize(), "OK null"},
			{c.doRollback(), "OK null"},
		} {
			if !matches(w.got, w.want) && i == 0 {
				t.Errorf("got %s, want %s", w.got, w.want)
			}
		}
	}
	if got := names(t, mem, editsDir); len(got) != 0 {
		t.Errorf("created %v", got)
	}
	if len(n.Journals()) != 0 || len(n.Failed()) != 0 || len(n.Health()) != 0 {
		t.Errorf("%d journals are remembered, %d failed", len(n.Journals()), len(n.Failed()))
	}
	for _, jid := range []string{"", ".", "..", ".x", "a/b", "../x", "a\x00b"} {
		c.jid = jid
		for _, answer := range []string{c.isFormatted(), c.format(false, nil), c.heartbeat(c.info(1, -1))} {
			if !strings.HasPrefix(answer, "FAIL java.lang.IllegalArgumentException bad journal id:") {
				t.Errorf("%q: %s", jid, answer)
			}
		}
	}
}

// A journal that cannot be opened says why each time, and works when it is mended; a journal without a lock is let in again.
func TestOpenFailureRecovers(t *testing.T) {
	mem := vfs.NewMem()
	copyFixture(t, mem, "3.4.2", journalRoot+"/current")
	broken := atomic.Bool{}
	broken.Store(true)
	n := newNode(t, newConfig(vfs.Inject(mem, func(op vfs.Op) error {
		if broken.Load() && op.Kind == "readat" && strings.HasSuffix(op.Path, "VERSION") {
			return errBroken
		}
		return nil
	}), noFetch))
	for range 3 {
		if _, err := n.Journal("ns1", ""); !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
	}
	if h := n.Health(); len(h) != 1 || !errors.Is(h[0].OpenError, errBroken) {
		t.Errorf("health %v", h)
	}
	broken.Store(false)
	j, err := n.Journal("ns1", "")
	must(t, err)
	if epoch, err := j.LastPromisedEpoch(); err != nil || epoch != 2 {
		t.Errorf("state %d %v", epoch, err)
	}
	if h := n.Health(); len(h) != 1 || h[0].OpenError != nil || !h[0].Formatted {
		t.Errorf("health %v", h)
	}
}

// Close ends all journals, gives the locks back, and refuses what comes later, also what is in the middle of opening.
func TestNodeClose(t *testing.T) {
	mem := vfs.NewMem()
	for _, jid := range []string{"ns1", "ns2", "ns3"} {
		copyFixture(t, mem, "3.4.2", editsDir+"/"+jid+"/current")
	}
	g := newGate()
	n := newNode(t, newConfig(vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "lock" && strings.Contains(op.Path, "ns3") {
			g.pass()
		}
		return nil
	}), noFetch))
	for _, jid := range []string{"ns1", "ns2"} {
		if _, err := n.Journal(jid, ""); err != nil {
			t.Fatal(err)
		}
	}
	g.armed.Store(true)
	late := make(chan error, 1)
	go func() {
		_, err := n.Journal("ns3", "")
		late <- err
	}()
	<-g.arrived
	must(t, n.Close())
	close(g.open)
	if err := <-late; err == nil {
		t.Error("a journal was opened after Close")
	}
	if _, err := n.Journal("ns1", ""); err == nil || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("a journal after Close: %v", err)
	}
	must(t, n.Close())
	next := newNode(t, newConfig(mem, noFetch))
	for _, jid := range []string{"ns1", "ns2", "ns3"} {
		if _, err := next.Journal(jid, ""); err != nil {
			t.Errorf("the next process: %v", err)
		}
	}
}

// Calls of many clients on many journals at once, for the race detector.
func TestManyJournalsAtOnce(t *testing.T) {
	n := newNode(t, newConfig(vfs.NewMem(), noFetch))
	client := newClient(t, n)
	var clients sync.WaitGroup
	for i := range 6 {
		clients.Go(func() {
			c := &rpcClient{t: t, client: client, jid: fmt.Sprint("ns", i%3), lv: 0xffffffff - 66}
			_ = c.format(i%2 == 0, nil)
			epoch := uint64(i + 1)
			_ = c.newEpoch(epoch, nil)
			_ = c.start(epoch, 1)
			for tx := range uint64(20) {
				_ = c.edits(c.info(epoch, -1), 1, tx+1, tx+1)
				_ = c.manifest(1, true)
				_ = c.isFormatted()
				_ = n.Beans(jnserver.NodeInfo{})
				_ = n.Health()
			}
		})
	}
	clients.Wait()
	if got := len(n.Journals()); got != 3 {
		t.Errorf("%d journals", got)
	}
	for _, j := range n.Journals() {
		checkReadable(t, j.ID()+": ", j)
	}
}
