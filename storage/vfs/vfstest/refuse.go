package vfstest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Block is the size of the pieces that Refuse works on, and of the blocks of each FileSystem.
const Block = 4096

// BlocksOf tells where blocks first to end-1 of a file below Dir lie on the device, in bytes. btrfs does not tell.
func (d *Disk) BlocksOf(name string, first, end int) (places []int64) {
	d.T.Helper()
	if d.fs.Overlay { // which does not tell
		below, err := filepath.Rel(d.Dir, name)
		d.must(err)
		name = filepath.Join(d.root, "upper", below)
	}
	f, err := os.Open(name)
	d.must(err)
	defer func() { _ = f.Close() }()
	for i := first; i < end; i++ {
		at := int32(i)
		const fibmap = 1
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fibmap, uintptr(unsafe.Pointer(&at))); errno != 0 || at == 0 {
			d.T.Fatalf("block %d of %s: %d, %v", i, name, at, errno)
		}
		places = append(places, int64(at)*Block)
	}
	return places
}

// DataBlocks tells where on the device of a btrfs, in bytes, are the blocks for data that have nothing but the byte of: 0 for
// those that were never used, which is where a file goes that is not overwritten in place.
func (d *Disk) DataBlocks(of byte) (places []int64) {
	d.T.Helper()
	root, err := os.Open(d.root)
	d.must(err)
	defer func() { _ = root.Close() }()
	d.must(unix.Syncfs(int(root.Fd())))
	out, err := exec.Command("btrfs", "inspect-internal", "dump-tree", "-t", "chunk", d.device).CombinedOutput()
	if err != nil {
		d.T.Fatalf("btrfs: %v: %s", err, out)
	}
	image, want := d.Image(), bytes.Repeat([]byte{of}, Block)
	for _, chunk := range dataChunk.FindAllSubmatch(out, -1) {
		length, lengthErr := strconv.Atoi(string(chunk[1]))
		start, startErr := strconv.Atoi(string(chunk[2]))
		d.must(errors.Join(lengthErr, startErr))
		for at := start; at < start+length; at += Block {
			if bytes.Equal(image[at:at+Block], want) {
				places = append(places, int64(at))
			}
		}
	}
	if len(places) == 0 {
		d.T.Fatalf("no such blocks: %s", out)
	}
	return places
}

var dataChunk = regexp.MustCompile(`length (\d+) owner \d+ stripe_len \d+ type DATA\|single\n[^\n]*\n[^\n]*\n\s*stripe 0 devid 1 offset (\d+)`)

// Refuse makes blocks of the device refuse all writes from now on, until Mend. Reads of them give zeros.
func (d *Disk) Refuse(places []int64) {
	d.T.Helper()
	for _, place := range places {
		d.must(unix.Fallocate(int(d.Backing.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, place, Block))
	}
	filler, err := os.Create(filepath.Join(d.tmpfs, "filler"))
	d.must(err)
	defer func() { _ = filler.Close() }()
	for err == nil {
		_, err = filler.Write(make([]byte, Block))
	}
	if !errors.Is(err, unix.ENOSPC) {
		d.T.Fatal(err)
	}
}

// Mend ends what Refuse began.
func (d *Disk) Mend() {
	d.T.Helper()
	d.must(os.Remove(filepath.Join(d.tmpfs, "filler")))
}

// Seal makes the whole device refuse all writes for good. It is one of NewSealableDisk.
func (d *Disk) Seal() {
	d.T.Helper()
	_, err := unix.FcntlInt(d.Backing.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE)
	d.must(err)
}
