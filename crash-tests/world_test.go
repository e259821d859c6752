package crashtests

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

const (
	editsDir    = "/data/jn"
	journalRoot = editsDir + "/ns1"
	layout      = -67
)

var nsInfo = storage.StorageInfo{
	LayoutVersion: layout, NamespaceID: 1073741825, ClusterID: "CID-crash", CTime: 1500000000000,
}

// world is one JournalNode's journal with the disk below it, the writer that calls it and the ledger of what was
// answered. Each of its methods makes one RPC, tells the ledger what is asked before and what was answered after, and
// returns the answer's error. A world belongs to one goroutine.
type world struct {
	fs      *process // around what newWorld was given
	j       *jnserver.Journal
	ledger  *ledger
	synced  bool // dfs.namenode.edits.noeditlogchannelflush
	reserve storage.Reserve
	epoch   storage.Epoch
	serial  int64
	tell    storage.TxID // the committed txid that the next requests carry; 0: none
	peer    []byte       // the segment that another node offers in acceptRecovery
	purgeOK bool         // the last purge could remove all that it wanted to
}

// newWorld opens a journal that was never formatted, on a file system where only "/" and what fsys brings exists.
func newWorld(fsys vfs.FS) (*world, error) {
	if err := fsys.MkdirAll(editsDir, 0o755); err != nil {
		return nil, err
	}
	for _, dir := range []string{"/", "/data", editsDir} {
		if err := fsys.SyncDir(dir); err != nil {
			return nil, err
		}
	}
	return openWorld(fsys, newLedger())
}

// openWorld opens the journal that is on fsys, of which l knows what was promised.
func openWorld(fsys vfs.FS, l *ledger) (*world, error) {
	w := &world{fs: newProcess(fsys), ledger: l}
	return w, w.open()
}

func (w *world) open() error {
	j, err := jnserver.OpenJournal(w.env(), "ns1", journalRoot)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	w.j = j
	return nil
}

func (w *world) env() jnserver.Env {
	return jnserver.Env{
		FS: w.fs, Clock: stillClock{}, Fetcher: peer{w}, CurrentPerm: 0o700, LockOwner: "4711@jn1.example.com",
		SyncedWrites: w.synced, Reserve: w.reserve,
		Events: func(_ string, e jnserver.Event) {
			if p, ok := e.(jnserver.Purged); ok {
				w.purgeOK = len(p.Result.Failed) == 0
			}
		},
	}
}

type stillClock struct{}

func (stillClock) Now() time.Time { return time.UnixMilli(1795300000000) }

// peer is the other node: whatever address is asked, it sends the world's file.
type peer struct{ w *world }

func (peer) CheckURL(string) error { return nil }

func (p peer) Fetch(_ context.Context, _ string, dst io.Writer) (int64, error) {
	n, err := dst.Write(p.w.peer)
	return int64(n), err
}

// restart stops the node as SIGTERM does and opens the journal again.
func (w *world) restart() error {
	if err := w.j.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	w.fs.die()
	w.ledger.restarted()
	return w.open()
}

// kill ends the process at once, as kill -9 does: what it wrote stays in the page cache. Then it opens the journal
// again.
func (w *world) kill() error {
	w.fs.die()
	w.ledger.restarted()
	return w.open()
}

func (w *world) info() jnserver.RequestInfo {
	w.serial++
	return jnserver.RequestInfo{
		JournalID: "ns1", Epoch: w.epoch, Serial: w.serial, Client: "10.0.0.1", Committed: w.tell, HasCommitted: w.tell != 0,
	}
}

func (w *world) call(c call, rpc func() error) error {
	w.ledger.ask(c)
	err := rpc()
	w.ledger.answered(err)
	return err
}

func (w *world) asked(op string) call { return call{op: op, epoch: w.epoch, committed: w.tell} }

// format is sent with force.
func (w *world) format() error {
	force := true
	return w.call(call{op: opFormat, info: nsInfo}, func() error {
		return w.j.Format(jnserver.FormatRequest{Info: nsInfo, BlockPoolID: "BP-1", SoftwareVersion: "3.4.2", Force: &force})
	})
}

// newEpoch makes the next requests those of epoch e, if it is granted.
func (w *world) newEpoch(e storage.Epoch) error {
	return w.call(call{op: opNewEpoch, epoch: e}, func() error {
		_, _, err := w.j.NewEpoch(nsInfo, e, "10.0.0.1")
		if err == nil {
			w.epoch, w.serial, w.tell = e, 0, 0
		}
		return err
	})
}

func (w *world) start(first storage.TxID) error {
	c := w.asked(opStart)
	c.first = first
	return w.call(c, func() error { return w.j.StartLogSegment(w.info(), first, layout) })
}

// write sends the transactions first to last in one batch, each with a body of size bytes.
func (w *world) write(segment, first, last storage.TxID, size int) error {
	c := w.asked(opJournal)
	c.segment, c.first, c.last, c.records = segment, first, last, frames(first, last, size)
	b := jnserver.Batch{Segment: segment, First: first, Count: int64(last - first + 1), Records: c.records}
	return w.call(c, func() error { return w.j.Write(w.info(), b) })
}

func (w *world) heartbeat() error {
	return w.call(w.asked(opHeartbeat), func() error { return w.j.Heartbeat(w.info()) })
}

func (w *world) finalize(first, last storage.TxID) error {
	c := w.asked(opFinalize)
	c.first, c.last = first, last
	return w.call(c, func() error { return w.j.FinalizeLogSegment(w.info(), first, last) })
}

// prepare asks what is here of a segment; an answer that breaks a promise is the error.
func (w *world) prepare(first storage.TxID) (jnserver.RecoveryAnswer, error) {
	c := w.asked(opPrepare)
	c.first = first
	var answer jnserver.RecoveryAnswer
	err := w.call(c, func() (err error) {
		answer, err = w.j.PrepareRecovery(w.info(), first)
		return err
	})
	if err == nil {
		err = w.ledger.prepared(first, answer)
	}
	return answer, err
}

// accept asks to accept the segment first to last, of which the other node offers a copy with bodies of size bytes.
func (w *world) accept(first, last storage.TxID, inProgress bool, size int) error {
	w.peer = segmentBytes(first, last, size)
	c := w.asked(opAccept)
	c.first, c.last, c.inProgress, c.records = first, last, inProgress, frames(first, last, size)
	return w.acceptCall(c)
}

func (w *world) acceptCall(c call) error {
	state := jnserver.SegmentState{Start: c.first, End: c.last, InProgress: c.inProgress}
	return w.call(c, func() error {
		return w.j.AcceptRecovery(context.Background(), w.info(), state, "http://jn2.example.com:8480/getJournal")
	})
}

func sorted[V any](m map[storage.TxID]V) []storage.TxID { return slices.Sorted(maps.Keys(m)) }

func (w *world) discard(start storage.TxID) error {
	return w.call(call{op: opDiscard, first: start}, func() error { return w.j.DiscardSegments(start) })
}

// purge keeps what is needed from keep on.
func (w *world) purge(keep storage.TxID) error {
	c := w.asked(opPurge)
	c.first = keep
	w.ledger.ask(c)
	w.purgeOK = false
	err := w.j.PurgeLogsOlderThan(w.info(), keep)
	if err == nil && !w.purgeOK {
		w.ledger.answered(errPurgedInPart) // no error of the RPC
		return nil
	}
	w.ledger.answered(err)
	return err
}

func (w *world) preUpgrade() error {
	return w.call(call{op: opPreUpgrade}, func() error { return w.j.DoPreUpgrade() })
}

var upgradedInfo = storage.StorageInfo{
	LayoutVersion: layout - 1, NamespaceID: nsInfo.NamespaceID, ClusterID: nsInfo.ClusterID, CTime: nsInfo.CTime + 1000,
}

func (w *world) upgrade() error {
	return w.call(call{op: opUpgrade, info: upgradedInfo}, func() error { return w.j.DoUpgrade(upgradedInfo) })
}

func (w *world) finalizeUpgrade() error {
	return w.call(call{op: opFinalizeUpgrade}, func() error { return w.j.DoFinalize() })
}

func (w *world) rollback() error {
	return w.call(call{op: opRollback}, func() error { return w.j.DoRollback() })
}
