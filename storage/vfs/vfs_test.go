package vfs_test

import (
	"testing"

	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

func TestOS(t *testing.T) {
	vfstest.Test(t, func(t *testing.T) (vfs.FS, string) { return vfs.OS(), t.TempDir() })
}

func newMem(t *testing.T) (*vfs.Mem, string) {
	t.Helper()
	m := vfs.NewMem()
	if err := m.MkdirAll("/data/jn", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/", "/data"} {
		if err := m.SyncDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	return m, "/data/jn"
}

func TestMem(t *testing.T) {
	vfstest.Test(t, func(t *testing.T) (vfs.FS, string) { return newMem(t) })
}

// A crash with nothing unsynced gives a file system like any other.
func TestMemAfterCrash(t *testing.T) {
	vfstest.Test(t, func(t *testing.T) (vfs.FS, string) {
		m, dir := newMem(t)
		return m.CrashClone(nil), dir
	})
}

func TestInject(t *testing.T) {
	vfstest.Test(t, func(t *testing.T) (vfs.FS, string) {
		m, dir := newMem(t)
		return vfs.Inject(m, func(vfs.Op) error { return nil }), dir
	})
}
