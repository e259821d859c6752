package compat_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"gojn/compat-tests/hadoop"
)

// smallDiskSize holds what a test writes, the reserve, and a file system's own: the least that mkfs.ext4 takes well.
const smallDiskSize = "24m"

// smallDisk is a mounted file system that a ballast file can fill.
type smallDisk struct {
	t   *testing.T
	dir string
}

// newSmallDisk mounts one, "tmpfs" or "ext4" on a loop device. It skips the test where nothing can be mounted.
func newSmallDisk(t *testing.T, kind string) *smallDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("no file system can be mounted here: that needs root")
	}
	top := t.TempDir()
	d := &smallDisk{t: t, dir: filepath.Join(top, "disk")}
	check(t, os.Mkdir(d.dir, 0o755))
	args := []string{"-t", "tmpfs", "-o", "size=" + smallDiskSize, "gojn", d.dir}
	if kind == "ext4" {
		if _, err := exec.LookPath("mkfs.ext4"); err != nil {
			if hadoop.Required() {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		image := filepath.Join(top, "image")
		run(t, "mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", image, smallDiskSize)
		args = []string{"-o", "loop", image, d.dir}
	}
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Skipf("no %s can be mounted here: %v: %s", kind, err, out)
	}
	t.Cleanup(func() { run(t, "umount", "-l", d.dir) })
	return d
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func (d *smallDisk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill takes all free blocks.
func (d *smallDisk) fill() {
	d.t.Helper()
	f := must(os.OpenFile(d.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600))(d.t)
	defer func() { check(d.t, f.Close()) }()
	for size := 1 << 20; size > 0; size /= 4 {
		var err error
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			d.t.Fatal(err)
		}
		if err := f.Sync(); err != nil && !errors.Is(err, unix.ENOSPC) {
			d.t.Fatal(err)
		}
	}
}

// makeRoom takes the ballast away.
func (d *smallDisk) makeRoom() {
	d.t.Helper()
	check(d.t, os.Remove(d.ballast()))
}
