// Package vfstest is a suite that every vfs.FS must pass, so that a test on one of them says something about the others.
package vfstest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gojn/storage/vfs"
)

// Test runs the suite. newFS gives a file system and an empty directory in it; it is called for each part anew.
func Test(t *testing.T, newFS func(t *testing.T) (fsys vfs.FS, dir string)) {
	for name, part := range map[string]func(s *suite){
		"Open":        (*suite).open,
		"ReadWrite":   (*suite).readWrite,
		"Truncate":    (*suite).truncate,
		"Sync":        (*suite).sync,
		"Closed":      (*suite).closed,
		"Directories": (*suite).directories,
		"Remove":      (*suite).remove,
		"Rename":      (*suite).rename,
		"Link":        (*suite).link,
		"OpenFiles":   (*suite).openFiles,
		"Info":        (*suite).info,
		"Lock":        (*suite).lock,
		"Medium":      (*suite).medium,
		"Concurrent":  (*suite).concurrent,
	} {
		t.Run(name, func(t *testing.T) {
			fsys, dir := newFS(t)
			part(&suite{T: t, fs: fsys, dir: dir})
		})
	}
}

type suite struct {
	*testing.T
	fs  vfs.FS
	dir string
}

func (s *suite) path(name string) string { return s.dir + "/" + name }

// is fails the test unless err is want (nil: no error) and, as the contract of FS says, names operation and path.
func (s *suite) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("error %v, want %v", err, want)
		return
	}
	if err == nil {
		return
	}
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	if !errors.As(err, &pathErr) && !errors.As(err, &linkErr) || !strings.Contains(err.Error(), s.dir) {
		s.Errorf("%T names no path: %v", err, err)
	}
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) openFile(name string, flag int) vfs.File {
	s.Helper()
	f, err := s.fs.OpenFile(s.path(name), flag, 0o644)
	s.ok(err)
	s.Cleanup(func() { _ = f.Close() })
	return f
}

func (s *suite) openFails(name string, flag int, want error) {
	s.Helper()
	f, err := s.fs.OpenFile(s.path(name), flag, 0o644)
	if err == nil {
		_ = f.Close()
	}
	s.is(err, want)
}

func (s *suite) write(name, text string) {
	s.Helper()
	f := s.openFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	_, err := f.WriteAt([]byte(text), 0)
	s.ok(err)
	s.ok(f.Close())
}

func (s *suite) content(f vfs.File) string {
	s.Helper()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	s.ok(err)
	return string(b)
}

func (s *suite) has(name, text string) {
	s.Helper()
	if got := s.content(s.openFile(name, os.O_RDONLY)); got != text {
		s.Errorf("%s holds %q, want %q", name, got, text)
	}
}

func (s *suite) names(dir string, want ...string) {
	s.Helper()
	list, err := s.fs.ReadDir(dir)
	s.ok(err)
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		s.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func (s *suite) open() {
	s.openFails("a", os.O_RDONLY, fs.ErrNotExist)
	s.openFails("a", os.O_RDWR, fs.ErrNotExist)
	s.openFails("none/a", os.O_RDWR|os.O_CREATE, fs.ErrNotExist)
	s.write("a", "one")
	s.openFails("a", os.O_RDWR|os.O_CREATE|os.O_EXCL, fs.ErrExist)
	s.openFails("a/b", os.O_RDONLY, syscall.ENOTDIR)
	s.openFails("a/b", os.O_RDWR|os.O_CREATE, syscall.ENOTDIR)
	s.openFails("", os.O_RDWR, syscall.EISDIR)
	s.openFails("", os.O_RDWR|os.O_CREATE, syscall.EISDIR)
	if f := s.openFile("a", os.O_RDWR|os.O_CREATE); s.content(f) != "one" || f.Name() != s.path("a") {
		s.Errorf("%s: O_CREATE changed it", f.Name())
	}
	s.openFile("a", os.O_RDWR|os.O_TRUNC)
	s.has("a", "")
	d := s.openFile("", os.O_RDONLY)
	_, err := d.ReadAt(make([]byte, 1), 0)
	s.is(err, syscall.EISDIR)
}

func (s *suite) readWrite() {
	f := s.openFile("a", os.O_RDWR|os.O_CREATE|os.O_EXCL)
	want := make([]byte, 30000)
	for i, off := range []int{0, 3, 4095, 4096, 8191, 20000, 12000, 29000, 5} {
		piece := bytes.Repeat([]byte{byte(i + 1)}, 1000*(i%3)+1)
		piece = piece[:min(len(piece), len(want)-off)]
		n, err := f.WriteAt(piece, int64(off))
		if n != len(piece) || err != nil {
			s.Fatalf("write of %d bytes at %d: %d, %v", len(piece), off, n, err)
		}
		copy(want[off:], piece)
		want = want[:max(len(want), off+len(piece))]
	}
	got := s.content(f)
	if got != string(want[:len(got)]) || len(got) != 30000 {
		s.Errorf("read %d bytes that differ from those written", len(got))
	}
	b := make([]byte, 10)
	for _, c := range []struct {
		off  int64
		n    int
		want error
	}{{0, 10, nil}, {29990, 10, nil}, {29995, 5, io.EOF}, {30000, 0, io.EOF}, {1 << 40, 0, io.EOF}} {
		if n, err := f.ReadAt(b, c.off); n != c.n || !errors.Is(err, c.want) {
			s.Errorf("read at %d: %d, %v; want %d, %v", c.off, n, err, c.n, c.want)
		}
	}
	if n, err := f.ReadAt(nil, 5); n != 0 || err != nil {
		s.Errorf("read of nothing: %d, %v", n, err)
	}
	if n, err := f.WriteAt(nil, 50000); n != 0 || err != nil || len(s.content(f)) != 30000 {
		s.Errorf("write of nothing: %d, %v, %d bytes", n, err, len(s.content(f)))
	}
	if _, err := f.ReadAt(b, -1); err == nil {
		s.Error("read at -1 succeeded")
	}
	if _, err := f.WriteAt(b, -1); err == nil {
		s.Error("write at -1 succeeded")
	}
	_, err := s.openFile("a", os.O_RDONLY).WriteAt(b, 0)
	s.is(err, syscall.EBADF)
	_, err = s.openFile("a", os.O_WRONLY).ReadAt(b, 0)
	s.is(err, syscall.EBADF)
	if _, err := s.openFile("a", os.O_RDWR|os.O_APPEND).WriteAt(b, 0); err == nil {
		s.Error("WriteAt on a file opened for appending succeeded")
	}
}

func (s *suite) truncate() {
	f := s.openFile("a", os.O_RDWR|os.O_CREATE)
	_, err := f.WriteAt(bytes.Repeat([]byte{7}, 10000), 0)
	s.ok(err)
	for _, size := range []int64{9000, 4096, 100} {
		s.ok(f.Truncate(size))
		if got := s.content(f); got != strings.Repeat("\x07", int(size)) {
			s.Errorf("truncated to %d: %d bytes", size, len(got))
		}
	}
	s.ok(f.Truncate(9000)) // what was cut off must not come back
	if got := s.content(f); got != strings.Repeat("\x07", 100)+strings.Repeat("\x00", 8900) {
		s.Errorf("grown: %d bytes, or old ones", len(got))
	}
	s.ok(f.Truncate(50))
	_, err = f.WriteAt([]byte{9}, 60)
	s.ok(err)
	if got := s.content(f); got != strings.Repeat("\x07", 50)+strings.Repeat("\x00", 10)+"\x09" {
		s.Errorf("written behind the end: %q", got)
	}
	s.is(f.Truncate(-1), syscall.EINVAL)
	s.is(s.openFile("a", os.O_RDONLY).Truncate(0), syscall.EINVAL)
}

func (s *suite) sync() {
	f := s.openFile("a", os.O_RDWR|os.O_CREATE)
	_, err := f.WriteAt([]byte("one"), 0)
	s.ok(err)
	s.ok(f.SyncData())
	s.ok(f.Sync())
	s.ok(s.fs.SyncDir(s.dir))
	s.is(s.fs.SyncDir(s.path("none")), fs.ErrNotExist)
	s.is(s.fs.SyncDir(s.path("a")), syscall.ENOTDIR)
	d := s.openFile("d", os.O_RDWR|os.O_CREATE|vfs.ODSync)
	_, err = d.WriteAt([]byte("two"), 5)
	s.ok(err)
	s.has("a", "one")
	s.has("d", "\x00\x00\x00\x00\x00two")
}

func (s *suite) closed() {
	f := s.openFile("a", os.O_RDWR|os.O_CREATE)
	s.ok(f.Close())
	_, readErr := f.ReadAt(make([]byte, 1), 0)
	_, writeErr := f.WriteAt([]byte{1}, 0)
	_, statErr := f.Stat()
	for i, err := range []error{readErr, writeErr, statErr, f.Truncate(0), f.Sync(), f.SyncData(), f.Lock(), f.Close()} {
		if !errors.Is(err, fs.ErrClosed) {
			s.Errorf("call %d on a closed file: %v", i, err)
		}
	}
}
