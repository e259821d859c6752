package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"gojn/storage/vfs"
)

// script does each operation once, going on whatever fails.
func script(fsys vfs.FS, dir string) (errs []error) {
	note := func(err error) {
		if err != nil && !errors.Is(err, io.EOF) {
			errs = append(errs, err)
		}
	}
	note(fsys.Mkdir(dir+"/d", 0o755))
	note(fsys.MkdirAll(dir+"/d", 0o755))
	f, err := fsys.OpenFile(dir+"/a", os.O_RDWR|os.O_CREATE, 0o644)
	note(err)
	if f != nil {
		_, err = f.WriteAt([]byte("x"), 0)
		note(err)
		_, err = f.ReadAt(make([]byte, 1), 0)
		note(err)
		_, err = f.Stat()
		note(err)
		note(f.Truncate(1))
		note(f.Sync())
		note(f.SyncData())
		note(f.Lock())
		note(f.Close())
	}
	note(fsys.Link(dir+"/a", dir+"/b"))
	note(fsys.Rename(dir+"/b", dir+"/d/c"))
	note(fsys.Chmod(dir+"/d", 0o700))
	_, err = fsys.Stat(dir)
	note(err)
	_, err = fsys.ReadDir(dir)
	note(err)
	note(fsys.SyncDir(dir))
	_, err = fsys.Statfs(dir)
	note(err)
	note(fsys.Access(dir))
	note(fsys.Remove(dir + "/d/c"))
	note(fsys.RemoveAll(dir + "/d"))
	return errs
}

var allKinds = []string{
	"mkdir", "mkdirall", "open", "writeat", "readat", "fstat", "truncate", "sync", "syncdata", "lock", "close",
	"link", "rename", "chmod", "stat", "readdir", "syncdir", "statfs", "access", "remove", "removeall",
}

// Every operation of the interface can be seen and failed.
func TestInjectFailsEachOperation(t *testing.T) {
	errInjected := errors.New("injected")
	var trace []string
	m, dir := newMem(t)
	fsys := vfs.Inject(m, func(op vfs.Op) error {
		trace = append(trace, op.Kind)
		if op.N != len(trace) || op.Path[:len(dir)] != dir || (op.To != "") != (op.Kind == "link" || op.Kind == "rename") {
			t.Errorf("operation %d: %+v", len(trace), op)
		}
		return nil
	})
	if errs := script(fsys, dir); errs != nil || !slices.Equal(trace, allKinds) {
		t.Fatalf("%v\n%v", errs, trace)
	}
	for n, kind := range allKinds {
		m, dir := newMem(t)
		errs := script(vfs.Inject(m, func(op vfs.Op) error {
			if op.N == n+1 {
				return errInjected
			}
			return nil
		}), dir)
		if len(errs) == 0 || !errors.Is(errs[0], errInjected) {
			t.Errorf("%s: %v", kind, errs)
		}
	}
}

func TestInjectTornWrite(t *testing.T) {
	errInjected := errors.New("disk full")
	m, dir := newMem(t)
	for _, n := range []int{-1, 0, 3, 6, 100} {
		fsys := vfs.Inject(m, func(op vfs.Op) error {
			if op.Kind == "writeat" {
				return &vfs.Torn{Bytes: n, Err: errInjected}
			}
			return nil
		})
		path := fmt.Sprintf("%s/f%d", dir, n)
		f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		want := "abcdef"[:min(max(n, 0), 6)]
		if got, err := f.WriteAt([]byte("abcdef"), 0); got != len(want) || !errors.Is(err, errInjected) {
			t.Errorf("%d: wrote %d, %v", n, got, err)
		}
		if got := read(t, m, path); got != want {
			t.Errorf("%d: file holds %q, want %q", n, got, want)
		}
	}
}

// A failed close has closed: the lock is free.
func TestInjectedCloseCloses(t *testing.T) {
	m, dir := newMem(t)
	fsys := vfs.Inject(m, func(op vfs.Op) error {
		if op.Kind == "close" {
			return errors.New("injected")
		}
		return nil
	})
	open := func() vfs.File {
		f, err := fsys.OpenFile(dir+"/l", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Lock(); err != nil {
			t.Error(err)
		}
		return f
	}
	if err := open().Close(); err == nil {
		t.Error("close succeeded")
	}
	open()
}
