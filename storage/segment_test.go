package storage_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

const journalDir = "/jn/ns1/current"

// newJournalDir gives a file system in memory with a durable directory for segments.
func newJournalDir(t *testing.T) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	if err := m.MkdirAll(journalDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := journalDir; dir != "/"; dir = filepath.Dir(dir) {
		if err := m.SyncDir(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// readFile gives a whole file; nil if it is not there.
func readFile(t *testing.T, fsys vfs.FS, path string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{}, b...)
}

// fixture reads a segment that a Java JournalNode wrote.
func fixture(t testing.TB, release, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "hadoop-"+release, "current", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// frames cuts a segment into its operations.
func frames(t testing.TB, segment []byte) (ops [][]byte) {
	t.Helper()
	for b := segment[editlog.HeaderLen:]; ; {
		f, err := editlog.ParseFrame(b)
		if err != nil {
			return ops
		}
		ops = append(ops, b[:f.Length])
		b = b[f.Length:]
	}
}

func create(t testing.TB, fsys vfs.FS, dir string, first storage.TxID, layout int32, synced bool) *storage.SegmentWriter {
	t.Helper()
	w, err := storage.CreateSegment(fsys, dir, first, layout, synced)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Abort() })
	return w
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The operations of real segments, written in the batches of fixtures/README.md, give the file that Java wrote: open, and
// after finalize (EditLogFileOutputStream.abort and close).
func TestSegmentHasJavasBytes(t *testing.T) {
	for release, layout := range map[string]int32{"2.7.7": -63, "3.4.2": -67, "3.5.0": -67} {
		for _, c := range []struct {
			name    string
			first   storage.TxID
			batches []int // operations in each
			open    bool
		}{
			{"edits_0000000000000000001-0000000000000000003", 1, []int{1, 1, 1}, false},
			{"edits_0000000000000000004-0000000000000000008", 4, []int{1, 1, 1, 1, 1}, false},
			{"edits_0000000000000000009-0000000000000000015", 9, []int{1, 1, 1, 1, 1, 1, 1}, false},
			{"edits_inprogress_0000000000000000016.gz", 16, []int{1, 2, 1}, true},
		} {
			for _, fsys := range []vfs.FS{newJournalDir(t), vfs.OS()} {
				dir := journalDir
				if fsys == vfs.OS() {
					dir = t.TempDir()
				}
				want := fixture(t, release, c.name)
				w := create(t, fsys, dir, c.first, layout, false)
				ops := frames(t, want)
				for _, n := range c.batches {
					ok(t, w.Append(bytes.Join(ops[:n], nil)))
					ok(t, w.Sync())
					ops = ops[n:]
				}
				if len(ops) != 0 {
					t.Fatalf("%s: %d operations too many", c.name, len(ops))
				}
				if c.open {
					ok(t, w.Abort())
				} else {
					ok(t, w.Close())
				}
				got := readFile(t, fsys, dir+"/"+storage.InProgressName(c.first))
				if !bytes.Equal(got, want) {
					t.Errorf("%s of %s: %d bytes differ from Java's %d", c.name, release, len(got), len(want))
				}
			}
		}
	}
}

// Spec 2.3: blocks of 1 MiB are appended before the write, until the batch fits.
func TestSegmentPreallocation(t *testing.T) {
	const mib = 1 << 20
	m := newJournalDir(t)
	path := journalDir + "/" + storage.InProgressName(1)
	w := create(t, m, journalDir, 1, -67, false)
	want := editlog.AppendHeader(nil, -67)
	for _, c := range []struct{ batch, size int }{
		{0, mib}, {mib - 8, mib}, {0, mib}, {1, 2 * mib}, {mib - 2, 2 * mib}, {1, 2 * mib}, {mib, 3 * mib}, {3*mib + 1, 7 * mib},
	} {
		batch := bytes.Repeat([]byte{byte(c.batch%200 + 1)}, c.batch)
		want = append(want, batch...)
		ok(t, w.Append(batch))
		got := readFile(t, m, path)
		if len(got) != c.size {
			t.Errorf("after %d bytes: size %d, want %d", len(want), len(got), c.size)
		}
		if !bytes.Equal(got, append(want[:len(want):len(want)], bytes.Repeat([]byte{0xFF}, c.size-len(want))...)) {
			t.Errorf("after %d bytes: other content", len(want))
		}
		if w.Offset() != int64(len(want)) {
			t.Errorf("offset %d, want %d", w.Offset(), len(want))
		}
	}
	ok(t, w.Close())
	if got := readFile(t, m, path); !bytes.Equal(got, want) {
		t.Errorf("closed with %d bytes, want %d", len(got), len(want))
	}
}

// tracer records kind and file of each operation and fails those that fail chooses.
type tracer struct {
	ops  []string
	fail func(n int, kind string) error
}

func (r *tracer) hook(op vfs.Op) error {
	r.ops = append(r.ops, op.Kind)
	if r.fail == nil {
		return nil
	}
	return r.fail(op.N, op.Kind)
}

func TestSegmentOperations(t *testing.T) {
	for _, c := range []struct {
		synced bool
		want   string
	}{
		{false, "open writeat syncdata syncdir | writeat syncdata | | writeat writeat syncdata | fstat truncate sync close"},
		{true, "open writeat syncdata syncdir | writeat | | writeat writeat | fstat truncate sync close"},
	} {
		r := &tracer{}
		w := create(t, vfs.Inject(newJournalDir(t), r.hook), journalDir, 1, -67, c.synced)
		step := func() { r.ops = append(r.ops, "|") }
		step()
		ok(t, w.Append([]byte("batch")))
		ok(t, w.Sync())
		step()
		ok(t, w.Append(nil))
		ok(t, w.Sync())
		step()
		ok(t, w.Append(make([]byte, 1<<20)))
		ok(t, w.Sync())
		step()
		ok(t, w.Close())
		if got := strings.Join(r.ops, " "); got != c.want {
			t.Errorf("synced writes %v:\n got %s\nwant %s", c.synced, got, c.want)
		}
	}
}

func TestSegmentSynced(t *testing.T) {
	for _, synced := range []bool{false, true} {
		m := newJournalDir(t)
		w := create(t, m, journalDir, 1, -67, synced)
		check := func(when string, offset, durable int64) {
			t.Helper()
			if w.Offset() != offset || w.Synced() != durable {
				t.Errorf("%s (synced writes %v): offset %d, synced %d; want %d, %d", when, synced, w.Offset(), w.Synced(), offset, durable)
			}
			// What is said to be durable is there after a power cut.
			now := readFile(t, m, journalDir+"/"+storage.InProgressName(1))
			left := readFile(t, m.CrashClone(nil), journalDir+"/"+storage.InProgressName(1))
			if int64(len(left)) < durable || !bytes.Equal(left[:durable], now[:durable]) {
				t.Errorf("%s (synced writes %v): %d bytes after a crash, %d said to be durable", when, synced, len(left), durable)
			}
		}
		either := func(plain, direct int64) int64 {
			if synced {
				return direct
			}
			return plain
		}
		check("created", 8, 8)
		ok(t, w.Append([]byte("0123456789")))
		check("appended", 18, either(8, 18))
		ok(t, w.Append(make([]byte, 1<<20)))
		check("appended more", 18+1<<20, either(8, 18+1<<20))
		ok(t, w.Sync())
		check("synced", 18+1<<20, 18+1<<20)
		ok(t, w.Append([]byte("lagging")))
		ok(t, w.Abort())
		check("aborted", 25+1<<20, 25+1<<20)
	}
}

func TestSegmentReplacesOlderFile(t *testing.T) {
	m := newJournalDir(t)
	path := journalDir + "/" + storage.InProgressName(1)
	w := create(t, m, journalDir, 1, -63, false)
	ok(t, w.Append([]byte("old")))
	ok(t, w.Abort())
	ok(t, m.Link(path, "/jn/linked"))
	reader, err := m.OpenFile(path, os.O_RDONLY, 0)
	ok(t, err)
	w = create(t, m, journalDir, 1, -67, false)
	if w.First() != 1 {
		t.Errorf("first txid %d", w.First())
	}
	if got := readFile(t, m, path); len(got) != 1<<20 || !bytes.Equal(got[:9], append(editlog.AppendHeader(nil, -67), 0xFF)) {
		t.Errorf("%d bytes, starting % x", len(got), got[:9])
	}
	want := append(editlog.AppendHeader(nil, -63), "old"...)
	b := make([]byte, len(want))
	if _, err := reader.ReadAt(b, 0); err != nil || !bytes.Equal(b, want) {
		t.Errorf("the open reader sees % x (%v)", b, err)
	}
	if got := readFile(t, m, "/jn/linked"); len(got) != 1<<20 || !bytes.Equal(got[:len(want)], want) {
		t.Error("the hard link changed")
	}
}

var errInjected = errors.New("injected")

// life is a segment's life up to the first error. It tells how many batches were acknowledged (Sync was good).
func life(fsys vfs.FS, dir string, batches [][]byte) (w *storage.SegmentWriter, acknowledged int, err error) {
	if w, err = storage.CreateSegment(fsys, dir, 1, -67, false); err != nil {
		return nil, 0, err
	}
	for i, b := range batches {
		if err := w.Append(b); err != nil {
			return w, i, err
		}
		if err := w.Sync(); err != nil {
			return w, i, err
		}
	}
	return w, len(batches), w.Close()
}

// Whichever operation fails: the error comes up, the writer does no more to the file than close it, and what was
// acknowledged survives a power cut. A failed write may have written a part.
func TestSegmentFailsAtEachOperation(t *testing.T) {
	path := journalDir + "/" + storage.InProgressName(1)
	batches := [][]byte{[]byte("first"), make([]byte, 1<<20), []byte("third")}
	whole := &tracer{}
	if _, _, err := life(vfs.Inject(newJournalDir(t), whole.hook), journalDir, batches); err != nil {
		t.Fatal(err)
	}
	if len(whole.ops) < 10 {
		t.Fatalf("only %v", whole.ops)
	}
	for n, kind := range whole.ops {
		for _, torn := range []int{0, 3} {
			t.Run(fmt.Sprintf("%d-%s-torn%d", n+1, kind, torn), func(t *testing.T) {
				m := newJournalDir(t)
				r := &tracer{fail: func(i int, _ string) error {
					if i == n+1 {
						return &vfs.Torn{Bytes: torn, Err: errInjected}
					}
					return nil
				}}
				w, acknowledged, err := life(vfs.Inject(m, r.hook), journalDir, batches)
				if !errors.Is(err, errInjected) {
					t.Fatalf("got %v", err)
				}
				if w == nil {
					if readFile(t, m, path) != nil {
						t.Error("a segment that could not be created was left")
					}
					if kind != "open" && !slices.Contains(r.ops[n+1:], "close") {
						t.Error("the file was not closed")
					}
					return
				}
				want := slices.Concat(editlog.AppendHeader(nil, -67), bytes.Join(batches[:acknowledged], nil))
				if w.Synced() < int64(len(want)) || w.Offset() < w.Synced() {
					t.Errorf("offset %d, synced %d, acknowledged %d", w.Offset(), w.Synced(), len(want))
				}
				left := readFile(t, m.CrashClone(nil), path)
				if !bytes.HasPrefix(left, want) {
					t.Errorf("after a power cut %d bytes without what was acknowledged", len(left))
				}
				if kind == "fstat" || kind == "truncate" || kind == "sync" || kind == "close" {
					return // of Close: the file is closed already
				}
				before, did := readFile(t, m, path), len(r.ops)
				appendErr, syncErr, closeErr := w.Append([]byte("more")), w.Sync(), w.Close()
				for _, err := range []error{appendErr, syncErr, closeErr} {
					if !errors.Is(err, storage.ErrSegmentFailed) || !errors.Is(err, errInjected) {
						t.Errorf("later: %v", err)
					}
				}
				if got := r.ops[did:]; !slices.Equal(got, []string{"close"}) {
					t.Errorf("after the failure it did %v", got)
				}
				if !bytes.Equal(before, readFile(t, m, path)) {
					t.Error("the file changed after the failure")
				}
				ok(t, w.Abort())
			})
		}
	}
}

// Abort syncs what is not synced, reports if that fails, and does not for a failed writer.
func TestSegmentAbort(t *testing.T) {
	r := &tracer{fail: func(n int, _ string) error {
		if n == 6 { // open writeat syncdata syncdir writeat syncdata
			return errInjected
		}
		return nil
	}}
	m := newJournalDir(t)
	w := create(t, vfs.Inject(m, r.hook), journalDir, 1, -67, false)
	ok(t, w.Append([]byte("x")))
	if err := w.Abort(); !errors.Is(err, errInjected) || w.Synced() != 8 {
		t.Errorf("%v, synced %d", err, w.Synced())
	}
	if want := "open writeat syncdata syncdir writeat syncdata close"; strings.Join(r.ops, " ") != want {
		t.Errorf("%v", r.ops)
	}

	w = create(t, m, journalDir, 5, -67, false)
	ok(t, w.Append([]byte("x")))
	ok(t, w.Abort())
	ok(t, w.Abort())
	for _, err := range []error{w.Append([]byte("y")), w.Sync(), w.Close()} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("after Abort: %v", err)
		}
	}
	if info, err := m.Stat(journalDir + "/" + storage.InProgressName(5)); err != nil || info.Size() != 1<<20 {
		t.Errorf("the padding is gone: %v", err)
	}

	failing := &tracer{fail: func(n int, kind string) error {
		if n == 5 {
			return errInjected
		}
		return nil
	}}
	w = create(t, vfs.Inject(m, failing.hook), journalDir, 9, -67, false)
	if err := w.Append([]byte("x")); !errors.Is(err, errInjected) {
		t.Error(err)
	}
	ok(t, w.Abort())
	if want := "open writeat syncdata syncdir writeat close"; strings.Join(failing.ops, " ") != want {
		t.Errorf("%v", failing.ops)
	}
}

func BenchmarkSegment(b *testing.B) {
	batch := fixture(b, "3.4.2", "edits_0000000000000000004-0000000000000000008")[editlog.HeaderLen:]
	for _, c := range []struct {
		name string
		sync bool
	}{{"Append", false}, {"AppendSync", true}} {
		b.Run(c.name, func(b *testing.B) {
			w := create(b, vfs.OS(), b.TempDir(), 1, -67, false)
			b.ReportAllocs()
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				if err := w.Append(batch); err != nil {
					b.Fatal(err)
				}
				if c.sync {
					if err := w.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
