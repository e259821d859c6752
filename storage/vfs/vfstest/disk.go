package vfstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FileSystem is a kind of file system that a Disk can be formatted with.
type FileSystem struct {
	Name    string   // for people, and a subtest's name
	Kind    string   // as in mount(2)
	Mkfs    []string // command and flags; the image's name is appended
	Options string   // data of mount(2)
	Size    int64    // of the device in bytes
	Overlay bool     // an overlay is mounted over it, as a container's own layer is
}

// FileSystems are those that a journal may be met on, each on a device as small as its mkfs takes.
func FileSystems() []FileSystem {
	ext4 := []string{"mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0"}
	btrfs := []string{"mkfs.btrfs", "-q", "-f", "-K", "-d", "single", "-m", "single"}
	return []FileSystem{
		{"ext4", "ext4", ext4, "", 24 << 20, false},
		{"ext4 data=journal", "ext4", ext4, "data=journal", 24 << 20, false},
		{"xfs", "xfs", []string{"mkfs.xfs", "-q", "-f", "-K"}, "", 64 << 20, false},
		{"btrfs", "btrfs", btrfs, "", 128 << 20, false},
		{"btrfs nodatacow", "btrfs", btrfs, "nodatacow", 128 << 20, false},
		{"btrfs compressed", "btrfs", btrfs, "compress-force=lzo", 128 << 20, false},
		{"f2fs", "f2fs", []string{"mkfs.f2fs", "-q", "-f", "-t", "0"}, "", 64 << 20, false},
		{"overlay on ext4", "ext4", ext4, "", 24 << 20, true},
		{"overlay on btrfs compressed", "btrfs", btrfs, "compress-force=lzo", 128 << 20, true},
	}
}

// Disk is a mounted file system on a loop device of the test's own. Its bytes lie in a file on a tmpfs, where they can be
// looked at, changed behind the file system's back and made to refuse writes. It ends with the test.
type Disk struct {
	T       *testing.T
	Dir     string   // the root of the file system, or of the overlay on it
	Backing *os.File // the bytes of the device
	fs      FileSystem
	device  string // /dev/loop<n>
	mounts  []string
	root    string // of the file system
	tmpfs   string // the backing file's
}

// NewDisk makes a Disk. It skips the test where this machine cannot do so: without root, without loop devices, or if the
// kernel lacks the file system. A mkfs that is not installed fails it under COMPAT=required.
func NewDisk(t *testing.T, fs FileSystem) *Disk { return newDisk(t, fs, false) }

// NewSealableDisk is NewDisk for a test that wants Seal, not Refuse.
func NewSealableDisk(t *testing.T, fs FileSystem) *Disk { return newDisk(t, fs, true) }

func newDisk(t *testing.T, fs FileSystem, sealable bool) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("no block device can be made here: that needs root")
	}
	if !kernelHas(fs.Kind) || fs.Overlay && !kernelHas("overlay") {
		t.Skipf("this kernel does not know %s (/proc/filesystems)", fs.Name)
	}
	mkfs, err := exec.LookPath(fs.Mkfs[0])
	if err != nil && os.Getenv("COMPAT") == "required" {
		t.Fatalf("%s is not installed: %v", fs.Mkfs[0], err)
	} else if err != nil {
		t.Skipf("%s is not installed: %v", fs.Mkfs[0], err)
	}
	dir := t.TempDir()
	d := &Disk{T: t, tmpfs: filepath.Join(dir, "tmpfs"), root: filepath.Join(dir, "disk"), fs: fs}
	d.must(errors.Join(os.Mkdir(d.tmpfs, 0o700), os.Mkdir(d.root, 0o755)))
	// 16 MiB more than the device: for what mounts and tests put beside it.
	if err := unix.Mount("gojn", d.tmpfs, "tmpfs", 0, fmt.Sprintf("size=%d", fs.Size+16<<20)); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { d.must(unix.Unmount(d.tmpfs, unix.MNT_DETACH)) })
	d.makeImage(append([]string{mkfs}, fs.Mkfs[1:]...), sealable)
	loop := d.attach()
	t.Cleanup(func() { _ = loop.Close() }) // the device goes with its last user
	t.Cleanup(func() { d.unmount(unix.MNT_DETACH) })
	d.mount()
	return d
}

func kernelHas(kind string) bool {
	list, err := os.ReadFile("/proc/filesystems")
	return err == nil && slices.Contains(strings.Fields(string(list)), kind)
}

func (d *Disk) must(err error) {
	d.T.Helper()
	if err != nil {
		d.T.Fatal(err)
	}
}

// makeImage formats the backing file. mkfs leaves holes in it; all get their place, for on a full tmpfs a hole refuses writes.
func (d *Disk) makeImage(mkfs []string, sealable bool) {
	d.T.Helper()
	name := filepath.Join(d.tmpfs, "disk")
	d.must(errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, d.fs.Size)))
	cmd := exec.Command(mkfs[0], append(mkfs[1:], name)...)
	cmd.Env = append(os.Environ(), "TEST_DIR=x", "TEST_DEV=x", "QA_CHECK_FS=x") // mkfs.xfs makes no small one without these
	if out, err := cmd.CombinedOutput(); err != nil {
		d.T.Fatalf("%s: %v: %s", mkfs[0], err, out)
	}
	made, err := os.ReadFile(name)
	d.must(err)
	if sealable {
		memory, err := unix.MemfdCreate("disk", unix.MFD_ALLOW_SEALING)
		d.must(errors.Join(err, os.Remove(name)))
		d.Backing = os.NewFile(uintptr(memory), "disk")
	} else {
		d.Backing, err = os.OpenFile(name, os.O_RDWR|os.O_TRUNC, 0)
		d.must(err)
	}
	d.T.Cleanup(func() { _ = d.Backing.Close() })
	_, err = d.Backing.WriteAt(made, 0)
	d.must(err)
}

// attach gives the backing file a loop device. Another test may take the free one first.
func (d *Disk) attach() *os.File {
	d.T.Helper()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		d.T.Skipf("no loop device can be made here: %v", err)
	}
	defer func() { _ = control.Close() }()
	for {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			d.T.Skipf("no loop device is free: %v", err)
		}
		d.device = fmt.Sprintf("/dev/loop%d", number)
		loop, err := os.OpenFile(d.device, os.O_RDWR, 0)
		if err != nil {
			d.T.Skipf("no loop device can be opened here: %v", err)
		}
		cfg := &unix.LoopConfig{Fd: uint32(d.Backing.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		err = unix.IoctlLoopConfigure(int(loop.Fd()), cfg)
		if err == nil {
			return loop
		}
		_ = loop.Close()
		if !errors.Is(err, unix.EBUSY) {
			d.T.Skipf("%s cannot be set up: %v", d.device, err)
		}
	}
}

func (d *Disk) mount() {
	d.T.Helper()
	d.mountOne(d.device, d.root, d.fs.Kind, d.fs.Options)
	d.Dir = d.root
	if !d.fs.Overlay {
		return
	}
	d.Dir = filepath.Join(filepath.Dir(d.root), "overlay")
	for _, dir := range []string{d.Dir, d.root + "/lower", d.root + "/upper", d.root + "/work"} {
		if err := os.Mkdir(dir, 0o755); !errors.Is(err, os.ErrExist) {
			d.must(err)
		}
	}
	d.mountOne("overlay", d.Dir, "overlay", fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", d.root))
}

func (d *Disk) mountOne(source, dir, kind, options string) {
	d.T.Helper()
	if err := unix.Mount(source, dir, kind, 0, options); err != nil {
		d.T.Fatalf("mount of %s with %q: %v", kind, options, err)
	}
	d.mounts = append(d.mounts, dir)
}

func (d *Disk) unmount(flags int) {
	d.T.Helper()
	for ; len(d.mounts) > 0; d.mounts = d.mounts[:len(d.mounts)-1] {
		d.must(unix.Unmount(d.mounts[len(d.mounts)-1], flags))
	}
}

// Remount unmounts the file system, which nobody may use then, and mounts it again: nothing of it is cached after that.
func (d *Disk) Remount() {
	d.T.Helper()
	d.unmount(0)
	d.mount()
}

// PowerCut makes the device hold what Image gave, as if the power had been cut then. Nobody may use the file system.
func (d *Disk) PowerCut(image []byte) {
	d.T.Helper()
	d.unmount(0)
	_, err := d.Backing.WriteAt(image, 0)
	d.must(err)
	d.mount()
}

// Image is what the device holds.
func (d *Disk) Image() []byte {
	d.T.Helper()
	image := make([]byte, d.fs.Size)
	_, err := d.Backing.ReadAt(image, 0)
	d.must(err)
	return image
}
