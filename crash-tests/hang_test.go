package crashtests

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gojn/hadooprpc"
	"gojn/storage"
	"gojn/storage/vfs"
)

// hangGuard ends a hang that holds up what it must not: it is there against deadlocks and measures nothing.
const hangGuard = 30 * time.Second

// hangCase is a call for ns1 during which its disk begins to hang.
type hangCase struct {
	name    string
	prepare []func(c *nameNode) error
	call    func(n *wiredNode, c *nameNode) error
	closed  bool // ns1 is not open when the call comes: nothing is known of it
	reads   bool // the call changes nothing
}

func hangCases() []hangCase {
	rpc := func(f func(c *nameNode) error) func(*wiredNode, *nameNode) error {
		return func(_ *wiredNode, c *nameNode) error { return f(c) }
	}
	prepare := func(steps ...func(c *nameNode) error) []func(c *nameNode) error { return steps }
	lag := func(c *nameNode) error { return c.write(c.told(10), 4, 9, 10, 4) }
	epoch := func(c *nameNode) error { return c.newEpoch(2) }
	recovery := func(c *nameNode) error { return c.prepare(4) }
	return []hangCase{
		{name: "format", call: rpc((*nameNode).format)},
		{name: "newEpoch", prepare: prepare(lag), call: rpc(epoch)},
		{name: "heartbeat", call: rpc(func(c *nameNode) error { return c.commit(8) })},
		{name: "journal", call: rpc(func(c *nameNode) error { return c.write(c.info(), 4, 9, 10, 4) })},
		{name: "journal, large", call: rpc(func(c *nameNode) error { return c.write(c.told(8), 4, 9, 9, 1_200_000) })},
		{name: "journal, lagging", call: rpc(lag)},
		{name: "startLogSegment", prepare: prepare(lag), call: rpc(func(c *nameNode) error { return c.start(11) })},
		{name: "finalizeLogSegment", prepare: prepare(lag), call: rpc(func(c *nameNode) error { return c.finalize(4, 10) })},
		{name: "prepareRecovery", prepare: prepare(lag, epoch), call: rpc(recovery)},
		{name: "acceptRecovery", prepare: prepare(epoch, recovery),
			call: rpc(func(c *nameNode) error { return c.accept(4, 10) })},
		{name: "acceptRecovery, nothing to copy", prepare: prepare(epoch, recovery),
			call: rpc(func(c *nameNode) error { return c.accept(4, 8) })},
		{name: "purgeLogs", call: rpc(func(c *nameNode) error { return c.purge(4) })},
		{name: "discardSegments", call: rpc(func(c *nameNode) error { return c.discard(4) })},
		{name: "doPreUpgrade", prepare: prepare(lag), call: rpc((*nameNode).preUpgrade)},
		{name: "doUpgrade", prepare: prepare((*nameNode).preUpgrade), call: rpc((*nameNode).upgrade)},
		{name: "doFinalize", prepare: prepare((*nameNode).preUpgrade, (*nameNode).upgrade),
			call: rpc((*nameNode).finalizeUpgrade)},
		{name: "doRollback", prepare: prepare((*nameNode).preUpgrade, (*nameNode).upgrade),
			call: rpc((*nameNode).rollback)},
		{name: "getJournalCTime", reads: true, call: rpc((*nameNode).cTime)},
		{name: "canRollBack", reads: true, call: rpc((*nameNode).canRollBack)},
		{name: "getJournal", reads: true, call: func(n *wiredNode, _ *nameNode) error { return n.getSegment("ns1", 1) }},
		{name: "the first call", closed: true, call: rpc(func(c *nameNode) error { _, err := c.state(); return err })},
	}
}

// TestEachHang lets the disk of one journal hang from each operation of each call on. Meanwhile the questions about
// that journal are answered as before, and so are all calls for another journal, fencing among them, health and
// metrics. Fencing the journal itself needs its disk: the call waits for it, and is not answered before. When the disk
// answers again everything goes on. No goroutine is left.
func TestEachHang(t *testing.T) {
	worst := &stopwatch{took: make(map[string]time.Duration)}
	hangs := 0
	kinds := make(map[string]int)
	for _, c := range hangCases() {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			step := 1
			if testing.Short() {
				step = 5
			}
			for n := 1; ; n += step {
				var hung vfs.Op
				t.Run(fmt.Sprint(n), func(t *testing.T) { hung = hangAt(t, c, n, worst) })
				if hung.Kind == "" {
					break
				}
				hangs++
				kinds[hung.Kind]++
				if t.Failed() {
					t.Fatalf("at %s %s", hung.Kind, path.Base(hung.Path))
				}
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
	var slowest time.Duration
	var names []string
	for name, took := range worst.took {
		slowest = max(slowest, took)
		names = append(names, fmt.Sprintf("%s %v", name, took.Round(10*time.Microsecond)))
	}
	slices.Sort(names)
	t.Logf("%d hangs, %v; the slowest answer meanwhile took %v, of each kind: %v",
		hangs, kinds, slowest, names)
}

// hangAt lets the disk of ns1 hang from the n-th operation of the call on; it tells which one that was, none if the
// call has fewer.
func hangAt(t *testing.T, c hangCase, n int, worst *stopwatch) vfs.Op {
	disk := newHangingDisk(journalRoot)
	mem := vfs.NewMem()
	fsys := vfs.Inject(mem, disk.hook)
	need(t, fsys.MkdirAll(editsDir, 0o755))
	for _, dir := range []string{"/", "/data", editsDir} {
		need(t, fsys.SyncDir(dir))
	}
	unmeasured := &stopwatch{took: make(map[string]time.Duration)}
	node := newWiredNode(t, fsys, unmeasured)
	mine := node.dial(t, "ns1")
	others := &nameNode{client: mine.client, jid: "ns2", worst: unmeasured} // on the same connection
	for _, nn := range []*nameNode{mine, others} {
		for _, err := range []error{
			nn.format(), nn.newEpoch(1), nn.start(1), nn.write(nn.info(), 1, 1, 3, 4), nn.finalize(1, 3),
			nn.start(4), nn.write(nn.info(), 4, 4, 8, 4),
		} {
			need(t, err)
		}
	}
	for _, f := range c.prepare {
		need(t, f(mine))
	}
	if c.closed {
		need(t, node.node.Close())
		node = newWiredNode(t, fsys, unmeasured)
		mine, others = node.dial(t, "ns1"), node.dial(t, "ns2")
		mine.epoch, others.epoch = 1, 1
	}
	another := node.dial(t, "ns1")
	before := ""
	if !c.closed {
		before = answersOf(t, another)
	}

	disk.arm(n)
	hung := make(chan error, 1)
	go func() { hung <- c.call(node, mine) }()
	select {
	case err := <-hung:
		disk.arm(0)
		need(t, err)
		return vfs.Op{}
	case <-disk.arrived:
	}
	guard := time.AfterFunc(hangGuard, func() {
		t.Error("what must not wait for the disk waits for it")
		close(disk.free)
	})
	node.worst, another.worst, others.worst = worst, worst, worst

	// Another NameNode fences the journal. It must wait.
	fencing := &nameNode{client: node.dial(t, "ns1").client, jid: "ns1", worst: unmeasured}
	fenced := make(chan error, 1)
	go func() { fenced <- fencing.newEpoch(7) }()

	// Others wait for the disk, of both kinds and as many as like to.
	const queue = 16
	queued := make(chan error, queue)
	for range queue / 8 {
		client := node.dial(t, "ns1").client
		for i := range 8 {
			nn := &nameNode{client: client, jid: "ns1", worst: unmeasured, epoch: 1, serial: 1000}
			go func() {
				if i%2 == 0 {
					queued <- nn.heartbeat()
				} else {
					queued <- nn.cTime()
				}
			}()
		}
	}
	if !c.closed { // then they wait for the call that opens it
		waitFor(t, "calls that wait for the disk", func() bool { return disk.waiting() > 4 })
	}

	if !c.closed {
		onSame := &nameNode{client: mine.client, jid: "ns1", worst: worst}
		for _, nn := range []*nameNode{another, onSame} {
			if now := answersOf(t, nn); now != before {
				t.Errorf("before the hang the journal answered\n%s\nnow\n%s", before, now)
			}
		}
	}
	for _, page := range []string{"/health", "/readyz", "/livez", "/jmx"} {
		need(t, node.get(page))
	}
	need(t, callEverything(node, others))
	stillHangs := guard.Stop()
	select {
	case err := <-fenced:
		if stillHangs {
			t.Errorf("fenced while the disk hangs: %v", err)
		}
		fenced <- err
	default:
	}
	if stillHangs {
		close(disk.free)
	}

	if err := <-hung; err != nil {
		t.Errorf("the call that hung: %v", err)
	}
	need(t, <-fenced)
	need(t, promisedOnDisk(mem.CrashClone(nil), 7))
	for range queue {
		var refused *hadooprpc.RemoteError // by epoch or serial, the order is free
		if err := <-queued; err != nil && !errors.As(err, &refused) {
			t.Errorf("a call that waited is not answered: %v", err)
		}
	}
	if err := mine.heartbeat(); !refusedByEpoch(err) {
		t.Errorf("the old writer goes on: %v", err)
	}
	need(t, goOn(fencing))
	return disk.hung
}

// refusedByEpoch tells whether the call came behind a newer epoch.
func refusedByEpoch(err error) bool {
	return err != nil && strings.Contains(err.Error(), "less than the last promised epoch 7")
}

// promisedOnDisk looks at what a power cut has left of ns1.
func promisedOnDisk(disk *vfs.Mem, want storage.Epoch) error {
	w := &world{fs: newProcess(disk), ledger: newLedger()}
	if err := w.open(); err != nil {
		return err
	}
	defer w.fs.die()
	if promised := w.j.Snapshot().Promised; promised != want {
		return fmt.Errorf("after a power cut epoch %d is promised, not %d", promised, want)
	}
	return nil
}

// answersOf asks what is answered from memory.
func answersOf(t *testing.T, nn *nameNode) string {
	t.Helper()
	var all string
	for _, ask := range []func() (string, error){nn.isFormatted, nn.state, nn.manifest} {
		answer, err := ask()
		need(t, err)
		all += answer + "\n"
	}
	return all
}

// callEverything makes each call there is, for a journal with segment 1 to 3 and 4 to 8 in progress.
func callEverything(node *wiredNode, nn *nameNode) error {
	question := func(ask func() (string, error)) error { _, err := ask(); return err }
	calls := []func() error{
		func() error { return question(nn.isFormatted) }, func() error { return question(nn.state) },
		func() error { return question(nn.manifest) }, nn.cTime, nn.canRollBack,
		func() error { return node.getSegment(nn.jid, 1) },
		func() error { return nn.newEpoch(2) },
		func() error { return nn.prepare(4) }, func() error { return nn.accept(4, 8) },
		func() error { return nn.finalize(4, 8) },
		func() error { return nn.start(9) }, func() error { return nn.write(nn.info(), 9, 9, 12, 4) },
		func() error { return nn.commit(12) }, func() error { return nn.finalize(9, 12) },
		func() error { return nn.purge(9) },
		nn.preUpgrade, nn.upgrade, nn.rollback, nn.finalizeUpgrade,
		func() error { return nn.discard(9) },
		nn.format, func() error { return nn.newEpoch(3) },
	}
	for i, call := range calls {
		if err := call(); err != nil {
			return fmt.Errorf("call %d for %s: %w", i, nn.jid, err)
		}
	}
	return nil
}

// goOn writes with the epoch that was granted last.
func goOn(nn *nameNode) error {
	return errors.Join(nn.start(100), nn.write(nn.info(), 100, 100, 102, 4), nn.finalize(100, 102))
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hangGuard); !ok(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

func need(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
