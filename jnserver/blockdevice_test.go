package jnserver_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// A real ext4 on a loop device whose blocks can be made to refuse writes: its backing file lies on a tmpfs that is full, and
// blocks that are punched out of it cannot be written again. That needs root and mkfs.ext4.
type failingDisk struct {
	*testing.T
	mount, tmpfs string
	backing      *os.File
}

const deviceBlock = 4096

func newFailingDisk(t *testing.T) *failingDisk {
	t.Helper()
	need := func(what string, err error) {
		if err != nil && os.Getenv("COMPAT") == "required" {
			t.Fatalf("%s: %v", what, err)
		} else if err != nil {
			t.Skipf("no block device that fails can be made here: %s: %v", what, err)
		}
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	need("mkfs.ext4", err)
	dir := t.TempDir()
	d := &failingDisk{T: t, tmpfs: filepath.Join(dir, "tmpfs"), mount: filepath.Join(dir, "ext4")}
	must(t, errors.Join(os.Mkdir(d.tmpfs, 0o700), os.Mkdir(d.mount, 0o700)))
	need("mount of a tmpfs", unix.Mount("gojn", d.tmpfs, "tmpfs", 0, "size=40m"))
	t.Cleanup(func() { d.unmount(d.tmpfs) })
	backing := filepath.Join(d.tmpfs, "disk")
	must(t, errors.Join(os.WriteFile(backing, nil, 0o600), os.Truncate(backing, 24<<20)))
	if out, err := exec.Command(mkfs, "-q", "-F", "-b", fmt.Sprint(deviceBlock), "-E", "nodiscard,lazy_itable_init=0", backing).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// mkfs leaves holes, for the file system's journal too; all must have its place.
	made, err := os.ReadFile(backing)
	must(t, err)
	must(t, os.WriteFile(backing, made, 0o600))
	d.backing, err = os.OpenFile(backing, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { _ = d.backing.Close() })
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	need("/dev/loop-control", err)
	defer func() { _ = control.Close() }()
	number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	need("a free loop device", err)
	device := fmt.Sprintf("/dev/loop%d", number)
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	need(device, err)
	defer func() { _ = loop.Close() }()
	cfg := &unix.LoopConfig{Fd: uint32(d.backing.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
	need(device, unix.IoctlLoopConfigure(int(loop.Fd()), cfg))
	need("mount of ext4", unix.Mount(device, d.mount, "ext4", 0, ""))
	t.Cleanup(func() { d.unmount(d.mount) })
	return d
}

func (d *failingDisk) unmount(dir string) {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		d.Errorf("unmount: %v", err)
	}
}

// block tells where block i of a file lies on the device.
func (d *failingDisk) block(name string, i int) int64 {
	d.Helper()
	f, err := os.Open(name)
	must(d.T, err)
	defer func() { _ = f.Close() }()
	at := int32(i)
	const fibmap = 1
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fibmap, uintptr(unsafe.Pointer(&at))); errno != 0 || at == 0 {
		d.Fatalf("block %d of %s: %d, %v", i, name, at, errno)
	}
	return int64(at) * deviceBlock
}

// refuse makes the blocks of a file from the second on, up to n, refuse all writes.
func (d *failingDisk) refuse(name string, n int) {
	d.Helper()
	for i := 1; i < n; i++ {
		const punch = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
		must(d.T, unix.Fallocate(int(d.backing.Fd()), punch, d.block(name, i), deviceBlock))
	}
	filler, err := os.Create(filepath.Join(d.tmpfs, "filler"))
	must(d.T, err)
	defer func() { _ = filler.Close() }()
	for err == nil {
		_, err = filler.Write(make([]byte, deviceBlock))
	}
	if !errors.Is(err, unix.ENOSPC) {
		d.Fatal(err)
	}
}

// onDevice is what the device holds of the first n blocks of a file.
func (d *failingDisk) onDevice(name string, n int) []byte {
	d.Helper()
	data := make([]byte, n*deviceBlock)
	for i := range n {
		_, err := d.backing.ReadAt(data[i*deviceBlock:(i+1)*deviceBlock], d.block(name, i))
		must(d.T, err)
	}
	return data
}

// On a real file system over a device that refuses writes the page cache shows more than the medium has, and a later fsync
// says that all is well. This node tells, after a restart and without one, what the device has.
func TestBlockDeviceThatRefusesWrites(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			d := newFailingDisk(t)
			root := d.mount + "/ns1"
			env := newEnv(vfs.OS(), noFetch)
			j, err := jnserver.OpenJournal(env, "ns1", root)
			must(t, err)
			defer func() { _ = j.Close() }()
			must(t, j.Format(formatRequest()))
			w := newWriter(t, j, 1)
			must(t, j.StartLogSegment(w.info(), 1, layout))
			// The second block begins with a batch of its own: the loop driver reports a write as good that failed in its
			// middle, and this one must fail from its beginning.
			filling := frameOf(4, deviceBlock-editlog.HeaderLen-3*frameLen)
			must(t, j.Write(w.info(), jnserver.Batch{Segment: 1, First: 1, Count: 4, Records: append(frames(1, 3), filling...)}))
			file := root + "/current/" + storage.InProgressName(1)
			const last, blocks = 1500, 256
			d.refuse(file, blocks)
			if err := j.Write(w.info(), writes(1, 5, last)); err == nil {
				t.Fatal("a batch was acknowledged that the device refused")
			}
			d.wantLyingCache(file, last)
			device := d.onDevice(file, blocks)
			there, err := editlog.ScanSegment(bytes.NewReader(device), int64(len(device)))
			must(t, err)
			if there.End != 4 {
				t.Fatalf("the device has %d", there.End)
			}
			must(t, os.Remove(filepath.Join(d.tmpfs, "filler"))) // the fault ends
			if restart {
				must(t, j.Close())
				j, err = jnserver.OpenJournal(env, "ns1", root)
				must(t, err)
				defer func() { _ = j.Close() }()
			}
			w = newWriter(t, j, 2)
			answer, err := j.PrepareRecovery(w.info(), 1)
			must(t, err)
			if answer.Segment == nil || answer.Segment.End != there.End {
				t.Errorf("prepareRecovery tells %v, the device has it up to %d", answer.Segment, there.End)
			}
			if shown, err := readSegment(t, j, 1); err != nil || shown.End != there.End {
				t.Errorf("readers are shown up to %d, %v", shown.End, err)
			}
			must(t, j.FinalizeLogSegment(w.info(), 1, there.End))
			must(t, j.StartLogSegment(w.info(), there.End+1, layout))
			must(t, j.Write(w.info(), writes(there.End+1, there.End+1, last)))
		})
	}
}

// wantLyingCache is the control: fsync succeeds and the cache shows all up to last.
func (d *failingDisk) wantLyingCache(file string, last storage.TxID) {
	d.Helper()
	f, err := os.Open(file)
	must(d.T, err)
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		d.Fatalf("a later fsync fails on this kernel: %v", err)
	}
	data, err := os.ReadFile(file)
	must(d.T, err)
	if scan, err := editlog.ScanSegment(bytes.NewReader(data), int64(len(data))); err != nil || scan.End != last {
		d.Fatalf("the cache shows up to %d, %v", scan.End, err)
	}
}

// frameOf is a good frame of size bytes.
func frameOf(tx storage.TxID, size int) []byte {
	b := []byte{3}
	b = binary.BigEndian.AppendUint32(b, uint32(size-5))
	b = binary.BigEndian.AppendUint64(b, uint64(tx))
	b = append(b, make([]byte, size-17)...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}
