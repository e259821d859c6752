package crashtests

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"

	"gojn/jnserver"
	"gojn/qjournalpb"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// The positive control of the crash model: what a Java JournalNode syncs, and what it leaves out, must cost it a
// promise, a finalizing rename, a recovery record and acknowledged edits in some power cut. A model that is too kind to
// convict Java would say nothing for us. The same calls on our node must lose nothing.

const (
	javaRoot   = "/java/ns1"
	javaLayout = -67
)

var javaInfo = storage.StorageInfo{LayoutVersion: javaLayout, NamespaceID: 7, ClusterID: "CID-java", CTime: 1}

func javaLong(n int64) []byte { return fmt.Appendf(nil, "%d\n", n) }

func javaHint(t storage.TxID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(t)) }

// javaFrames are good frames of the transactions first to last.
func javaFrames(first, last storage.TxID) (out []byte) {
	for tx := first; tx <= last; tx++ {
		b := binary.BigEndian.AppendUint32([]byte{3}, 8+4+4)
		b = append(binary.BigEndian.AppendUint64(b, uint64(tx)), "body"...)
		out = append(out, binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))...)
	}
	return out
}

// javaSegment is a whole segment without padding.
func javaSegment(first, last storage.TxID) []byte {
	return append(editlog.AppendHeader(nil, javaLayout), javaFrames(first, last)...)
}

// javaRecord is paxos/<first> without the text for people behind it.
func javaRecord(first, last storage.TxID, e storage.Epoch) ([]byte, error) {
	start, end, accepted, inProgress := uint64(first), uint64(last), uint64(e), true
	var out recordBytes
	_, err := protodelim.MarshalTo(&out, &qjournalpb.PersistedRecoveryPaxosData{
		SegmentState:    &qjournalpb.SegmentStateProto{StartTxId: &start, EndTxId: &end, IsInProgress: &inProgress},
		AcceptedInEpoch: &accepted,
	})
	return out, err
}

type recordBytes []byte

func (b *recordBytes) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// told is what a node has answered for, and must find again after a power cut.
type told struct {
	promised  storage.Epoch
	finalized map[storage.TxID]storage.TxID // segments by first txid, to their last
	edits     map[storage.TxID]storage.TxID // durable edits by segment, to the last
	records   map[storage.TxID]storage.TxID // accepted recoveries by first txid, to their last
}

// lost tells what of it is missing on a disk.
func (p told) lost(disk vfs.FS) []string {
	d, err := storage.Open(storage.Options{FS: disk, Root: javaRoot, LockOwner: "1@crash", Now: time.Now})
	if err != nil {
		return []string{"directory"}
	}
	defer func() { _ = d.Close() }()
	var lost []string
	if e, err := d.PromisedEpoch(); err != nil || e < p.promised {
		lost = append(lost, "promise")
	}
	for first, last := range p.finalized {
		if s, ok, err := d.Find(first); err != nil || !ok || s.InProgress || s.Last != last {
			lost = append(lost, "rename")
		}
	}
	for first, last := range p.edits {
		s, ok, err := d.Find(first)
		if err == nil && ok {
			var scan editlog.Scan
			scan, err = d.Scan(s)
			ok = scan.HasTxns() && scan.End >= last
		}
		if err != nil || !ok {
			lost = append(lost, "edits")
		}
	}
	for first, last := range p.records {
		if r, ok, err := d.Paxos(first); err != nil || !ok || r.End != last {
			lost = append(lost, "record")
		}
	}
	return lost
}

// journalCalls are the calls of the control, on Java's node or on ours. Each returns when the node would answer.
type journalCalls interface {
	newEpoch(e storage.Epoch) error
	startLogSegment(e storage.Epoch, first storage.TxID) error
	journal(first, last, committed storage.TxID) error
	finalizeLogSegment(last storage.TxID) error
	acceptRecovery(e storage.Epoch, first, last storage.TxID) error
}

// script is a short life: a segment, a lagging one, and a recovery by another writer. After each answer p tells what
// was promised by it.
func script(n journalCalls, p *told) []func() error {
	return []func() error{
		func() error { return promising(n.newEpoch(1), func() { p.promised = 1 }) },
		func() error { return n.startLogSegment(1, 1) },
		func() error { return promising(n.journal(1, 3, 0), func() { p.edits[1] = 3 }) },
		func() error { return promising(n.finalizeLogSegment(3), func() { p.finalized[1] = 3 }) },
		func() error { return n.startLogSegment(1, 4) },
		func() error { return promising(n.journal(4, 6, 3), func() { p.edits[4] = 6 }) },
		func() error { return n.journal(7, 9, 9) }, // lagging: a quorum has it, it may be lost here
		func() error {
			return promising(n.finalizeLogSegment(9), func() { p.finalized[4], p.edits[4] = 9, 9 })
		},
		func() error { return n.startLogSegment(1, 10) },
		func() error { return promising(n.journal(10, 11, 9), func() { p.edits[10] = 11 }) },
		func() error { return promising(n.newEpoch(2), func() { p.promised = 2 }) },
		func() error {
			return promising(n.acceptRecovery(2, 10, 14), func() { p.records[10], p.edits[10] = 14, 14 })
		},
	}
}

func promising(err error, do func()) error {
	if err == nil {
		do()
	}
	return err
}

// losses runs the script and cuts the power before each operation and after the last. It counts what was lost by kind,
// for each way of cutting.
func losses(t *testing.T, on func(fs vfs.FS) journalCalls, wrap func(vfs.FS) vfs.FS) map[string]map[string]int {
	t.Helper()
	mem := vfs.NewMem()
	d, err := storage.Open(storage.Options{FS: mem, Root: javaRoot, LockOwner: "1@crash", Now: time.Now})
	if err == nil {
		err = errors.Join(d.Format(javaInfo, false), d.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	mem = mem.CrashClone(func() bool { return true }) // long ago

	p := told{
		finalized: map[storage.TxID]storage.TxID{}, edits: map[storage.TxID]storage.TxID{},
		records: map[storage.TxID]storage.TxID{},
	}
	found := map[string]map[string]int{"nothing kept": {}, "a part kept": {}, "everything kept": {}}
	random := rand.New(rand.NewPCG(1, 1))
	cut := func() {
		for how, keep := range map[string]func() bool{
			"nothing kept": nil, "a part kept": func() bool { return random.IntN(2) == 0 },
			"everything kept": func() bool { return true },
		} {
			for _, what := range p.lost(mem.CrashClone(keep)) {
				found[how][what]++
			}
		}
	}
	n := on(vfs.Inject(wrap(mem), func(vfs.Op) error { cut(); return nil }))
	for i, step := range script(n, &p) {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
	cut()
	return found
}

func TestJavaSyncsLoseWhatWasPromised(t *testing.T) {
	plain := func(fsys vfs.FS) vfs.FS { return fsys }
	journaling := func(fsys vfs.FS) vfs.FS { return journalingFS{fsys} }
	java := func(fsys vfs.FS) journalCalls { return &javaNode{fs: fsys, current: javaRoot + "/current"} }
	ours := func(fsys vfs.FS) journalCalls { return newOurNode(t, fsys) }
	must := []string{"edits", "promise", "record", "rename"}

	for _, c := range []struct {
		name string
		on   func(vfs.FS) journalCalls
		wrap func(vfs.FS) vfs.FS
		lost []string
	}{
		{"Java on the crash model", java, plain, must},
		// Even where each fsync of a file takes all earlier changes of directories along, as ext4's journal does.
		{"Java on a journaling file system", java, journaling, must},
		{"this node on the crash model", ours, plain, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := losses(t, c.on, c.wrap)
			t.Logf("lost, times seen: %v", found)
			if kinds := slices.Sorted(maps.Keys(found["nothing kept"])); !slices.Equal(kinds, c.lost) {
				t.Errorf("a cut that keeps nothing unsynced lost %v, want %v", kinds, c.lost)
			}
			if len(c.lost) == 0 && len(found["a part kept"]) > 0 {
				t.Errorf("a cut that keeps a part lost %v", found["a part kept"])
			}
			if kept := found["everything kept"]; len(kept) > 0 { // no power cut: the process was killed
				t.Errorf("lost although everything was kept: %v", kept)
			}
		})
	}
}

// journalingFS is a file system whose fsync of a file makes all changes of directories so far durable too.
type journalingFS struct{ vfs.FS }

func (j journalingFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := j.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return journalingFile{f, j.FS}, nil
}

type journalingFile struct {
	vfs.File
	fs vfs.FS
}

func (f journalingFile) Sync() error     { return errors.Join(f.File.Sync(), syncTree(f.fs, "/")) }
func (f journalingFile) SyncData() error { return errors.Join(f.File.SyncData(), syncTree(f.fs, "/")) }

func syncTree(fsys vfs.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, syncTree(fsys, path.Join(dir, e.Name())))
		}
	}
	return errors.Join(err, fsys.SyncDir(dir))
}

// ourNode makes the calls of the control on a jnserver.Journal.
type ourNode struct {
	*jnserver.Journal
	epoch   storage.Epoch
	serial  int64
	segment storage.TxID
	copied  []byte // what the next acceptRecovery downloads
}

func newOurNode(t *testing.T, fsys vfs.FS) *ourNode {
	n := &ourNode{}
	env := jnserver.Env{FS: fsys, Clock: wallClock{}, Fetcher: n, LockOwner: "1@crash"}
	j, err := jnserver.OpenJournal(env, "ns1", javaRoot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	n.Journal = j
	return n
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// CheckURL and Fetch are a jnserver.SegmentFetcher.
func (n *ourNode) CheckURL(string) error { return nil }

func (n *ourNode) Fetch(_ context.Context, _ string, dst io.Writer) (int64, error) {
	written, err := dst.Write(n.copied)
	return int64(written), err
}

func (n *ourNode) request(committed storage.TxID) jnserver.RequestInfo {
	n.serial++
	return jnserver.RequestInfo{
		JournalID: "ns1", Epoch: n.epoch, Serial: n.serial, Client: "::1", Committed: committed, HasCommitted: committed != 0,
	}
}

func (n *ourNode) newEpoch(e storage.Epoch) error {
	_, _, err := n.NewEpoch(javaInfo, e, "::1")
	n.epoch, n.serial = e, 0
	return err
}

func (n *ourNode) startLogSegment(_ storage.Epoch, first storage.TxID) error {
	n.segment = first
	return n.StartLogSegment(n.request(0), first, javaLayout)
}

func (n *ourNode) journal(first, last, committed storage.TxID) error {
	return n.Write(n.request(committed), jnserver.Batch{
		Segment: n.segment, First: first, Count: int64(last - first + 1), Records: javaFrames(first, last),
	})
}

func (n *ourNode) finalizeLogSegment(last storage.TxID) error {
	return n.FinalizeLogSegment(n.request(0), n.segment, last)
}

func (n *ourNode) acceptRecovery(_ storage.Epoch, first, last storage.TxID) error {
	n.copied = javaSegment(first, last)
	state := jnserver.SegmentState{Start: first, End: last, InProgress: true}
	return n.AcceptRecovery(context.Background(), n.request(0), state, "copy")
}
