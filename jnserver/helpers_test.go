package jnserver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

const (
	editsDir = "/data/jn"
	layout   = -67
)

// fixtureInfo is the namespace of the captures in testdata.
var fixtureInfo = storage.StorageInfo{
	LayoutVersion: layout,
	NamespaceID:   1073741825,
	ClusterID:     "CID-11111111-2222-3333-4444-555555555555",
	CTime:         1500000000000,
}

// clock goes on by hand only.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMilli(1795300000000)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fetchFunc is a jnserver.SegmentFetcher that takes every address.
type fetchFunc func(ctx context.Context, url string, dst io.Writer) (int64, error)

func (fetchFunc) CheckURL(string) error { return nil }

func (f fetchFunc) Fetch(ctx context.Context, url string, dst io.Writer) (int64, error) {
	return f(ctx, url, dst)
}

// noFetch is for tests in which nothing may be downloaded.
var noFetch = fetchFunc(func(_ context.Context, url string, _ io.Writer) (int64, error) {
	return 0, fmt.Errorf("unexpected download of %s", url)
})

// fetchBytes answers every download with the same file.
func fetchBytes(data []byte) fetchFunc {
	return func(_ context.Context, _ string, dst io.Writer) (int64, error) {
		n, err := dst.Write(data)
		return int64(n), err
	}
}

func newEnv(fsys vfs.FS, fetcher jnserver.SegmentFetcher) jnserver.Env {
	return jnserver.Env{FS: fsys, Clock: newClock(), Fetcher: fetcher, CurrentPerm: 0o700, LockOwner: "4711@jn1.example.com"}
}

func newConfig(fsys vfs.FS, fetcher jnserver.SegmentFetcher) jnserver.Config {
	return jnserver.Config{Env: newEnv(fsys, fetcher), EditsDir: editsDir, HTTPURL: "http://localhost:21111", HTTPPort: 21111}
}

// newNode is a node that is closed when the test ends.
func newNode(t testing.TB, cfg jnserver.Config) *jnserver.Node {
	t.Helper()
	n := jnserver.NewNode(cfg)
	t.Cleanup(func() { _ = n.Close() })
	return n
}

const journalRoot = editsDir + "/ns1"

// openJournal opens the journal ns1 that is closed when the test ends.
func openJournal(t testing.TB, env jnserver.Env) *jnserver.Journal {
	t.Helper()
	j, err := jnserver.OpenJournal(env, "ns1", journalRoot)
	if err != nil {
		t.Fatalf("OpenJournal: %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func formatRequest() jnserver.FormatRequest {
	return jnserver.FormatRequest{Info: fixtureInfo, BlockPoolID: "BP-1", SoftwareVersion: "3.4.2"}
}

// writer is one NameNode's client: its serials rise.
type writer struct {
	epoch     storage.Epoch
	serial    int64
	committed storage.TxID // 0: not given
}

func (w *writer) info() jnserver.RequestInfo {
	w.serial++
	return jnserver.RequestInfo{
		JournalID: "ns1", Epoch: w.epoch, Serial: w.serial, Client: "10.0.0.1",
		Committed: w.committed, HasCommitted: w.committed != 0,
	}
}

// writes makes a batch of good frames.
func writes(segment, first, last storage.TxID) jnserver.Batch {
	return jnserver.Batch{Segment: segment, First: first, Count: int64(last - first + 1), Records: frames(first, last)}
}

// written is a formatted journal with segment 1-3 finalized and segment 4 open with 4-8, all by epoch 1, and its writer.
func written(t testing.TB, env jnserver.Env) (*jnserver.Journal, *writer) {
	t.Helper()
	j := openJournal(t, env)
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 1, layout))
	must(t, j.Write(w.info(), writes(1, 1, 3)))
	must(t, j.FinalizeLogSegment(w.info(), 1, 3))
	must(t, j.StartLogSegment(w.info(), 4, layout))
	must(t, j.Write(w.info(), writes(4, 4, 6)))
	w.committed = 6
	must(t, j.Write(w.info(), writes(4, 7, 8)))
	return j, w
}

// newWriter takes over with epoch.
func newWriter(t testing.TB, j *jnserver.Journal, epoch storage.Epoch) *writer {
	t.Helper()
	if _, _, err := j.NewEpoch(fixtureInfo, epoch, "10.0.0.1"); err != nil {
		t.Fatalf("NewEpoch(%d): %v", epoch, err)
	}
	return &writer{epoch: epoch}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, javaerr.ClassOf(err))
	}
}

// wantError checks class and a part of the message.
func wantError(t testing.TB, err error, class javaerr.Class, part string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s: %s", class, part)
	}
	if got := javaerr.ClassOf(err); got != class || !strings.Contains(err.Error(), part) {
		t.Fatalf("got  %s: %v\nwant %s: ..%s..", got, err, class, part)
	}
}

// frames are good frames of the transactions first to last, of 21 bytes each.
func frames(first, last storage.TxID) []byte {
	var out []byte
	for tx := first; tx <= last; tx++ {
		out = append(out, frameWith(tx, "body")...)
	}
	return out
}

// frameWith is a good frame with that body.
func frameWith(tx storage.TxID, body string) []byte {
	b := []byte{3}
	b = binary.BigEndian.AppendUint32(b, uint32(8+len(body)+4))
	b = binary.BigEndian.AppendUint64(b, uint64(tx))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

const frameLen = 21

// segmentFile is a whole segment without padding.
func segmentFile(first, last storage.TxID) []byte {
	return append(editlog.AppendHeader(nil, layout), frames(first, last)...)
}

func everything(m *vfs.Mem) *vfs.Mem { return m.CrashClone(func() bool { return true }) }

func writeTo(t testing.TB, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	must(t, fsys.MkdirAll(path.Dir(name), 0o755))
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	must(t, err)
	if len(data) > 0 {
		_, err = f.WriteAt(data, 0)
		must(t, err)
	}
	must(t, f.Close())
}

func readFrom(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	must(t, err)
	data, err := io.ReadAll(io.NewSectionReader(f, 0, info.Size()))
	must(t, err)
	return data
}

// flip changes one byte of a file.
func flip(t testing.TB, fsys vfs.FS, name string, offset int64) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	must(t, err)
	defer func() { _ = f.Close() }()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, offset)
	must(t, err)
	b[0] ^= 0x55
	_, err = f.WriteAt(b, offset)
	must(t, err)
}

func has(t testing.TB, fsys vfs.FS, name string) bool {
	t.Helper()
	_, err := fsys.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// names lists a directory, those of paxos/ included if it is current/.
func names(t testing.TB, fsys vfs.FS, dir string) []string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// copyFixture copies a captured current/ of release to dir.
func copyFixture(t testing.TB, fsys vfs.FS, release, dir string) {
	t.Helper()
	top := filepath.Join("..", "storage", "testdata", "hadoop-"+release, "current")
	must(t, fsys.MkdirAll(dir+"/paxos", 0o755))
	must(t, filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, p)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".gz") {
			name = strings.TrimSuffix(name, ".gz")
			r, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				return err
			}
			if data, err = io.ReadAll(r); err != nil {
				return err
			}
		}
		writeTo(t, fsys, dir+"/"+filepath.ToSlash(name), data)
		return nil
	}))
}

// readSegment reads what /getJournal would send of a segment and tells where its transactions end.
func readSegment(t testing.TB, j *jnserver.Journal, first storage.TxID) (editlog.Scan, error) {
	t.Helper()
	r, err := j.OpenSegment(first, true)
	if err != nil {
		return editlog.Scan{}, err
	}
	defer func() { _ = r.File.Close() }()
	return editlog.ScanSegment(r.File, r.Visible)
}

// opLog records the operations of a file system that change something.
type opLog struct {
	mu  sync.Mutex
	ops []string
}

func (l *opLog) hook(op vfs.Op) error {
	switch op.Kind {
	case "writeat", "syncdata", "sync", "syncdir", "rename", "remove", "removeall", "link", "mkdir", "mkdirall", "chmod", "truncate":
		text := op.Kind + " " + path.Base(op.Path)
		if op.To != "" {
			text += " -> " + path.Base(op.To)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ops = append(l.ops, text)
	}
	return nil
}

// take returns what was recorded since the last take.
func (l *opLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ops := l.ops
	l.ops = nil
	return ops
}
