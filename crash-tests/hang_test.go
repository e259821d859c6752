package crashtests

import (
	"errors"
	"fmt"
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

// TestEachHang lets the disk of one journal hang from each operation of each call on. Meanwhile the questions about
// that journal are answered as before, and so are all calls for another journal, fencing among them, health and
// metrics. Fencing the journal itself needs its disk: the call waits for it, and is not answered before. When the disk
// answers again everything goes on. No goroutine is left.
func TestEachHang(t *testing.T) {
	watch := &stopwatch{}
	hangs := 0
	kinds := make(map[string]int)
	for _, c := range hangCases() {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			first, step := 1, 1
			switch {
			case *crashAt != 0:
				first = *crashAt
			case testing.Short():
				step = 5
			}
			for n := first; ; n += step {
				var hung vfs.Op
				if !t.Run(fmt.Sprint(n), func(t *testing.T) { hangAt(t, c, n, watch, &hung) }) {
					t.Fatalf("at operation %d of the call, %s\nreplay: %s", n, describe(hung),
						replay(t, fmt.Sprintf("-crash.at=%d", n)))
				}
				if hung.Kind == "" {
					break
				}
				hangs++
				kinds[hung.Kind]++
				if *crashAt != 0 {
					break
				}
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("%d hangs, %v; the answers meanwhile, which share the processors with the calls that wait:\n%s",
		hangs, kinds, watch)
}

// hangAt lets the disk of ns1 hang from the n-th operation of the call on; hung is that one, none if the call has
// fewer.
func hangAt(t *testing.T, c hangCase, n int, watch *stopwatch, hung *vfs.Op) {
	disk := newHangingDisk(journalRoot)
	mem := vfs.NewMem()
	node, mine, others := newHangStage(t, mem, disk)
	for _, f := range c.prepare {
		need(t, f(mine))
	}
	if c.closed {
		need(t, node.node.Close())
		node = newWiredNode(t, vfs.Inject(mem, disk.hook))
		mine, others = node.dial(t, "ns1"), node.dial(t, "ns2")
		mine.epoch, others.epoch = 1, 1
	}
	another := node.dial(t, "ns1")
	before := ""
	if !c.closed {
		before = answersOf(t, another)
	}

	disk.arm(n)
	answer := make(chan error, 1)
	go func() { answer <- c.call(node, mine) }()
	select {
	case err := <-answer:
		disk.arm(0)
		need(t, err)
		return
	case <-disk.arrived:
		*hung = disk.first()
	}
	guard := time.AfterFunc(hangGuard, func() {
		t.Error("what must not wait for the disk waits for it")
		close(disk.free)
	})
	node.watch, another.watch, others.watch = watch, watch, watch

	// Another NameNode fences the journal. It must wait.
	fencing := &nameNode{client: node.dial(t, "ns1").client, jid: "ns1"}
	fenced := make(chan error, 1)
	go func() { fenced <- fencing.newEpoch(7) }()

	// Others wait for the disk, of both kinds and as many as like to.
	const queue = 16
	queued := make(chan error, queue)
	for range queue / 8 {
		client := node.dial(t, "ns1").client
		for i := range 8 {
			nn := &nameNode{client: client, jid: "ns1", epoch: 1, serial: 1000}
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
		onSame := &nameNode{client: mine.client, jid: "ns1", watch: watch}
		for _, nn := range []*nameNode{another, onSame} {
			if now := answersOf(t, nn); now != before {
				t.Errorf("before the hang the journal answered\n%s\nnow\n%s", before, now)
			}
			need(t, nn.editsOrMiss())
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

	if err := <-answer; err != nil {
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
}

// newHangStage is a node with two journals on mem, of which disk can let ns1 hang: segment 1 to 3, and 4 to 8 in
// progress. The calls for both come over one connection.
func newHangStage(t testing.TB, mem *vfs.Mem, disk *hangingDisk) (node *wiredNode, mine, others *nameNode) {
	t.Helper()
	fsys := vfs.Inject(mem, disk.hook)
	need(t, fsys.MkdirAll(editsDir, 0o755))
	for _, dir := range []string{"/", "/data", editsDir} {
		need(t, fsys.SyncDir(dir))
	}
	node = newWiredNode(t, fsys)
	mine = node.dial(t, "ns1")
	others = &nameNode{client: mine.client, jid: "ns2"}
	for _, nn := range []*nameNode{mine, others} {
		for _, err := range []error{
			nn.format(), nn.newEpoch(1), nn.start(1), nn.write(nn.info(), 1, 1, 3, 4), nn.finalize(1, 3),
			nn.start(4), nn.write(nn.info(), 4, 4, 8, 4), nn.edits(),
		} {
			need(t, err)
		}
	}
	return node, mine, others
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
func answersOf(t testing.TB, nn *nameNode) string {
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
		func() error { return question(nn.manifest) }, nn.editsOrMiss, nn.cTime, nn.canRollBack,
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

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hangGuard); !ok(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

func need(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
