package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"gojn/storage/vfs"
)

func readMedium(t *testing.T, fsys vfs.FS, name string) (data []byte, uncached bool) {
	t.Helper()
	m, err := fsys.OpenMedium(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err = io.ReadAll(io.NewSectionReader(m, 0, 1<<40))
	if err := errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != m.Size() {
		t.Errorf("%d bytes were read, the size is %d", len(data), m.Size())
	}
	return data, m.Uncached()
}

// mediumDirs are directories on the kinds of file system that are here.
func mediumDirs(t *testing.T) map[string]string {
	dirs := map[string]string{"temporary directory": t.TempDir()}
	if shm, err := os.MkdirTemp("/dev/shm", "gojn"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(shm) })
		dirs["tmpfs"] = shm
	}
	return dirs
}

// What was synced is read from the medium, whatever the file's length and wherever the reads begin and end.
func TestOSMediumSizes(t *testing.T) {
	for kind, dir := range mediumDirs(t) {
		for _, size := range []int{0, 1, 511, 512, 513, 4095, 4096, 4097, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2<<20 + 513, 5<<20 + 7} {
			name := filepath.Join(dir, "f")
			want := make([]byte, size)
			_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(want) // never fails
			writeSynced(t, name, want)
			m, err := vfs.OS().OpenMedium(name)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", kind, size, err)
			}
			if !m.Uncached() || m.Size() != int64(size) {
				t.Errorf("%s, %d bytes: size %d, uncached %t", kind, size, m.Size(), m.Uncached())
			}
			got, err := io.ReadAll(io.NewSectionReader(m, 0, 1<<40))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes: got %d, %v", kind, size, len(got), err)
			}
			r := rand.New(rand.NewPCG(uint64(size), 1))
			for range 50 {
				off, n := r.IntN(size+2), r.IntN(3<<20)
				b := make([]byte, n)
				got, err := m.ReadAt(b, int64(off))
				rest := want[min(off, size):]
				if wantN := min(n, len(rest)); got != wantN || !bytes.Equal(b[:got], rest[:wantN]) || got < n && !errors.Is(err, io.EOF) {
					t.Fatalf("%s, %d bytes: %d read at %d, %v; want %d of %d", kind, size, got, off, err, wantN, n)
				}
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			if _, err := m.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: read after Close: %v", kind, err)
			}
		}
	}
}

func writeSynced(t *testing.T, name string, data []byte) {
	t.Helper()
	f, err := vfs.OS().OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err == nil {
		_, err = f.WriteAt(data, 0)
		err = errors.Join(err, f.SyncData(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOSMediumErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := vfs.OS().OpenMedium(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := vfs.OS().OpenMedium(dir); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a directory: %v", err)
	}
	name := filepath.Join(dir, "f")
	writeSynced(t, name, make([]byte, 5000))
	m, err := vfs.OS().OpenMedium(name)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset was read")
	}
}

// A file that gives less than it had when it was opened has no earlier end: that is an error.
func TestOSMediumShortRead(t *testing.T) {
	dir := t.TempDir()
	if info, err := vfs.OS().Statfs(dir); err != nil || info.Kind == "tmpfs" {
		t.Skipf("the temporary directory is on %s (%v), where memory is the medium", info.Kind, err)
	}
	name := filepath.Join(dir, "f")
	for _, left := range []int64{1 << 20, 2<<20 + 512, 2<<20 + 700} {
		writeSynced(t, name, make([]byte, 3<<20))
		m, err := vfs.OS().OpenMedium(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, left); err != nil {
			t.Fatal(err)
		}
		if n, err := m.ReadAt(make([]byte, 1<<20), 2<<20); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("cut to %d: %d read, %v", left, n, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Somebody who has pages of a file mapped keeps them in the cache, and that must be told.
func TestOSMediumTellsOfCachedPages(t *testing.T) {
	dir := t.TempDir()
	if info, err := vfs.OS().Statfs(dir); err != nil || info.Kind == "tmpfs" {
		t.Skipf("the temporary directory is on %s (%v), where memory is the medium", info.Kind, err)
	}
	name := filepath.Join(dir, "f")
	want := bytes.Repeat([]byte("x"), 3<<20)
	writeSynced(t, name, want)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mapped, err := unix.Mmap(int(f.Fd()), 0, len(want), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := vfs.OS().OpenMedium(name); err == nil {
		if m.Uncached() {
			t.Error("uncached while it is mapped")
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	} else if !errors.Is(err, vfs.ErrNoMedium) { // right where there are no direct reads: ext4 with data=journal
		t.Error(err)
	}
	if err := unix.Munmap(mapped); err != nil {
		t.Fatal(err)
	}
	if got, uncached := readMedium(t, vfs.OS(), name); !uncached || !bytes.Equal(got, want) {
		t.Errorf("afterwards: uncached %t, %d bytes", uncached, len(got))
	}
}

// A sync that fails as ext4's does: what it could not write is shown and never written, until it is written again.
func TestMemLosesWhatASyncCouldNotWrite(t *testing.T) {
	broken := errors.New("input/output error")
	for _, mode := range []vfs.MediumMode{vfs.MediumUncached, vfs.MediumDirect} {
		d := newDisk(t)
		d.SetMedium(mode)
		fail := false
		fsys := vfs.Inject(vfs.Inject(d, func(op vfs.Op) error {
			if fail && op.Kind == "syncdata" {
				return &vfs.Lost{Err: broken}
			}
			return nil
		}), func(vfs.Op) error { return nil })
		name := d.dir + "/f"
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		d.ok(err)
		d.put(f, "one", 0)
		d.ok(f.SyncData())
		d.ok(fsys.SyncDir(d.dir))
		d.put(f, "two", 3)
		if got, uncached := readMedium(t, fsys, name); string(got) != "one\x00\x00\x00" || uncached {
			t.Errorf("dirty: the medium has %q, uncached %t", got, uncached)
		}
		fail = true
		if err := f.SyncData(); !errors.Is(err, broken) {
			t.Errorf("sync: %v", err)
		}
		fail = false
		d.ok(f.SyncData())
		if got := read(t, d, name); got != "onetwo" {
			t.Errorf("after a later sync the cache shows %q", got)
		}
		if got := read(t, d.CrashClone(all), name); got != "one\x00\x00\x00" {
			t.Errorf("after a power cut %q", got)
		}
		got, uncached := readMedium(t, fsys, name)
		if string(got) != "one\x00\x00\x00" || uncached != (mode == vfs.MediumUncached) {
			t.Errorf("the medium has %q, uncached %t", got, uncached)
		}
		if got := read(t, d, name); (got == "onetwo") != (mode == vfs.MediumDirect) {
			t.Errorf("then the cache shows %q", got)
		}
		d.put(f, "onetwo", 0)
		d.ok(f.SyncData())
		if got, _ := readMedium(t, fsys, name); string(got) != "onetwo" {
			t.Errorf("written again: the medium has %q", got)
		}
		d.SetMedium(vfs.MediumNone)
		if _, err := fsys.OpenMedium(name); !errors.Is(err, vfs.ErrNoMedium) {
			t.Errorf("no medium: %v", err)
		}
	}
}

// Some of the blocks may have reached the disk before the sync failed.
func TestMemLosesSomeBlocks(t *testing.T) {
	const page = 4096
	d := newDisk(t)
	n := 0
	fsys := vfs.Inject(d, func(op vfs.Op) error {
		if op.Kind == "sync" {
			return &vfs.Lost{Err: errors.New("broken"), Keep: func() bool { n++; return n%2 == 1 }}
		}
		return nil
	})
	f, err := fsys.OpenFile(d.dir+"/f", os.O_RDWR|os.O_CREATE, 0o644)
	d.ok(err)
	d.put(f, string(bytes.Repeat([]byte("x"), 3*page)), 0)
	if f.Sync() == nil {
		t.Error("no error")
	}
	x, none := bytes.Repeat([]byte("x"), page), make([]byte, page)
	if got, _ := readMedium(t, d, d.dir+"/f"); !bytes.Equal(got, bytes.Join([][]byte{x, none, x}, nil)) {
		t.Error("other blocks are on the disk than those that were chosen")
	}
}
