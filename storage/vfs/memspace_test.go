package vfs_test

import (
	"bytes"
	"errors"
	"os"
	"syscall"
	"testing"

	"gojn/storage/vfs"
)

// TestSpace: a bounded Mem writes what fits, refuses files beyond its inodes, and gives back at once what is freed.
func TestSpace(t *testing.T) {
	m, dir := newMem(t)
	f, err := m.OpenFile(dir+"/a", os.O_RDWR|os.O_CREATE, 0o600)
	check(t, err)
	_, err = f.WriteAt(make([]byte, 4096), 0)
	check(t, err)
	bytesUsed, inodes := m.Used()
	if bytesUsed != 4096 || inodes != 4 { // "/", data, jn and the file
		t.Fatalf("used %d bytes, %d inodes", bytesUsed, inodes)
	}
	m.SetSpace(3*4096, 5, syscall.ENOSPC)

	if n, err := f.WriteAt(bytes.Repeat([]byte{1}, 4*4096), 100); n != 3*4096-100 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 3*4096 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if n, err := f.WriteAt([]byte("over what is there"), 2*4096); err != nil {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if info, err := m.Statfs(dir); err != nil || info.FreeBytes != 0 || info.FreeInodes != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	check(t, m.Mkdir(dir+"/b", 0o700))
	for _, err := range []error{
		m.Mkdir(dir+"/c", 0o700),
		func() error { _, err := m.OpenFile(dir+"/c", os.O_WRONLY|os.O_CREATE, 0o600); return err }(),
	} {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v", err)
		}
	}
	check(t, m.Remove(dir+"/b"))
	check(t, f.Truncate(4096))
	g, err := m.OpenFile(dir+"/c", os.O_WRONLY|os.O_CREATE|vfs.ODSync, 0o600)
	check(t, err)
	if n, err := g.WriteAt(make([]byte, 3*4096), 0); n != 2*4096 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	m.SetSpace(0, 0, nil)
	_, err = g.WriteAt(make([]byte, 3*4096), 0)
	check(t, err)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
