package storage_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

const (
	rootDir    = "/data/jn/ns1"
	currentDir = rootDir + "/current"
	owner      = "4711@jn1.example.com"
)

// fixtureInfo is the namespace of the captures in testdata.
var fixtureInfo = storage.StorageInfo{
	LayoutVersion: -67,
	NamespaceID:   1073741825,
	ClusterID:     "CID-11111111-2222-3333-4444-555555555555",
	CTime:         1500000000000,
}

func fixedNow() time.Time { return time.Date(2026, 11, 21, 22, 30, 51, 0, time.UTC) }

func options(fsys vfs.FS) storage.Options {
	return storage.Options{FS: fsys, Root: rootDir, CurrentPerm: 0o700, LockOwner: owner, Now: fixedNow}
}

func mustOpen(t testing.TB, fsys vfs.FS) *storage.Dir {
	t.Helper()
	d, err := storage.Open(options(fsys))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks class and the beginning of the words.
func wantError(t testing.TB, err error, class javaerr.Class, words string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s: %s", class, words)
	}
	if got := javaerr.ClassOf(err); got != class || !strings.HasPrefix(err.Error(), words) {
		t.Fatalf("got  %s: %v\nwant %s: %s", got, err, class, words)
	}
}

// disk is a starting disk under construction: a Mem whose small named builders each add one thing below rootDir.
type disk struct {
	t   testing.TB
	mem *vfs.Mem
}

func newDisk(t testing.TB) *disk {
	d := &disk{t: t, mem: vfs.NewMem()}
	return d.mkdir("")
}

func (d *disk) path(name string) string { return path.Clean(rootDir + "/" + name) }

func (d *disk) mkdir(name string) *disk {
	d.t.Helper()
	must(d.t, d.mem.MkdirAll(d.path(name), 0o755))
	return d
}

func (d *disk) put(name, content string) *disk {
	d.t.Helper()
	writeTo(d.t, d.mem, d.path(name), []byte(content))
	return d
}

func (d *disk) remove(name string) *disk {
	d.t.Helper()
	must(d.t, d.mem.RemoveAll(d.path(name)))
	return d
}

func (d *disk) rename(from, to string) *disk {
	d.t.Helper()
	must(d.t, d.mem.Rename(d.path(from), d.path(to)))
	return d
}

func (d *disk) copyDir(from, to string) *disk {
	d.t.Helper()
	for name, content := range tree(d.t, d.mem, d.path(from)) {
		if strings.HasSuffix(name, "/") {
			d.mkdir(to + "/" + name)
		} else {
			d.put(to+"/"+name, content)
		}
	}
	return d.mkdir(to)
}

// served is the directory from which the start-up states were made: the capture of release after its recovery, segments
// 1-3, 4-8, 9-15, 16-19 finalized, promised epoch 3, committed 18.
func (d *disk) served(release string) *disk {
	d.t.Helper()
	d.fixture(release)
	d.rename("current/edits_inprogress_0000000000000000016", "current/edits_0000000000000000016-0000000000000000019")
	return d.remove("current/paxos/16").put("current/last-promised-epoch", "3\n").put("current/last-writer-epoch", "3\n")
}

// fixture copies the capture of release, with segment 16 open and a recovery record for it.
func (d *disk) fixture(release string) *disk {
	d.t.Helper()
	top := filepath.Join("testdata", "hadoop-"+release, "current")
	d.mkdir("current/paxos")
	err := filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(top, p)
		if strings.HasSuffix(name, ".gz") {
			name = strings.TrimSuffix(name, ".gz")
			data = gunzip(d.t, data)
		}
		d.put("current/"+name, string(data))
		return nil
	})
	must(d.t, err)
	return d
}

// settled is the disk with everything durable and nothing locked.
func (d *disk) settled() *vfs.Mem { return everything(d.mem) }

func everything(m *vfs.Mem) *vfs.Mem { return m.CrashClone(func() bool { return true }) }

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	must(t, err)
	out, err := io.ReadAll(r)
	must(t, err)
	return out
}

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

func readFrom(t testing.TB, fsys vfs.FS, name string) string {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	must(t, err)
	data, err := io.ReadAll(io.NewSectionReader(f, 0, info.Size()))
	must(t, err)
	return string(data)
}

// tree is everything below dir: files with their content, directories with a "/" behind the name.
func tree(t testing.TB, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(rel string)
	walk = func(rel string) {
		entries, err := fsys.ReadDir(path.Join(dir, rel))
		must(t, err)
		for _, e := range entries {
			name := path.Join(rel, e.Name())
			if e.IsDir() {
				out[name+"/"] = ""
				walk(name)
			} else {
				out[name] = readFrom(t, fsys, path.Join(dir, name))
			}
		}
	}
	walk("")
	return out
}

// names lists a directory.
func names(t testing.TB, fsys vfs.FS, dir string) []string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func has(t testing.TB, fsys vfs.FS, name string) bool {
	t.Helper()
	_, err := fsys.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// edits are good frames of the transactions first to last.
func edits(first, last storage.TxID) []byte {
	var out []byte
	for tx := first; tx <= last; tx++ {
		b := []byte{3}
		b = binary.BigEndian.AppendUint32(b, 8+4+4)
		b = binary.BigEndian.AppendUint64(b, uint64(tx))
		b = append(b, "body"...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		out = append(out, b...)
	}
	return out
}

// segmentFile is a whole segment without padding.
func segmentFile(first, last storage.TxID) string {
	return string(append(editlog.AppendHeader(nil, -67), edits(first, last)...))
}

func finalized(first, last storage.TxID) string {
	return "current/" + storage.FinalizedName(first, last)
}
func inProgress(first storage.TxID) string { return "current/" + storage.InProgressName(first) }

// formatted is a journal that Format made, with finalized segments 1-3, 4-6 and 7-9 in progress.
func formatted(t testing.TB) *disk {
	t.Helper()
	d := newDisk(t)
	dir := mustOpen(t, d.mem)
	must(t, dir.Format(fixtureInfo, false))
	must(t, dir.SetPromisedEpoch(5))
	must(t, dir.SetWriterEpoch(4))
	must(t, dir.SetCommitted(8))
	must(t, dir.Close())
	return d.put(finalized(1, 3), segmentFile(1, 3)).put(finalized(4, 6), segmentFile(4, 6)).
		put(inProgress(7), segmentFile(7, 9))
}

func segmentNames(d *storage.Dir) []string {
	var out []string
	for _, s := range d.Segments() {
		out = append(out, s.Name)
	}
	return out
}
