package storage_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"gojn/storage"
	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

// TestPromisesOnFullFileSystems: on real file systems, each filled to the last block, and again after each promise, epochs are
// promised, a record is written and a first segment begun; a second one is refused. Then there is room, and the reserve is
// whole. That needs root, and the mkfs.
func TestPromisesOnFullFileSystems(t *testing.T) {
	for _, kind := range vfstest.FileSystems() {
		if kind.Kind == "btrfs" {
			continue // has a space of its own for metadata, for which this reserve is no help, and here it is full first
		}
		t.Run(kind.Name, func(t *testing.T) { fullFileSystem(t, vfstest.NewDisk(t, kind)) })
	}
}

func fullFileSystem(t *testing.T, disk *vfstest.Disk) {
	o := withReserve(vfs.OS(), storage.DefaultReserve)
	o.Root = disk.Dir + "/ns1"
	d, err := storage.Open(o)
	must(t, err)
	defer func() { _ = d.Close() }()
	must(t, d.Format(fixtureInfo, false))
	must(t, d.SetPromisedEpoch(1))
	must(t, startSegment(t, d, 1).Abort())
	ballast := disk.Dir + "/ballast"
	fillDisk(t, ballast)

	must(t, d.SetPromisedEpoch(2))
	must(t, d.SetPaxos(storage.PaxosRecord{Start: 1, End: 3, InProgress: true, AcceptedIn: 2}))
	must(t, d.SetWriterEpoch(2))
	w := startSegment(t, d, 10)
	must(t, w.Append(edits(10, 100)))
	must(t, w.Sync())
	must(t, w.Abort())
	first := d.Reserve()

	promised, more := storage.Epoch(2), 0
	for ; more < 20; more++ {
		fillDisk(t, ballast) // with what is left of a portion
		if err := d.SetPromisedEpoch(promised + 1); err != nil {
			if !vfs.NoSpace(err) {
				t.Errorf("a further promise: %v", err)
			}
			break
		}
		promised++
	}
	t.Logf("%d bytes are left after the first segment; %d more promises on a disk that was filled after each; then %d bytes",
		first.Left, more, d.Reserve().Left)
	if more < 4 {
		t.Errorf("only %d promises", more)
	}
	if _, err := d.StartSegment(200, -67); !vfs.NoSpace(err) {
		t.Errorf("a second segment: %v", err)
	}
	if e, err := d.PromisedEpoch(); err != nil || e != promised {
		t.Errorf("promised %d, %v; it was %d", e, err, promised)
	}

	must(t, os.Remove(ballast))
	w = startSegment(t, d, 200)
	must(t, w.Append(make([]byte, 2<<20)))
	must(t, w.Close())
	wantLeft(t, "room again", d, 5<<19, false)
	must(t, d.SetPromisedEpoch(promised+1))
}

// fillDisk takes all free blocks.
func fillDisk(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(t, err)
	defer func() { _ = f.Close() }()
	noise := []byte(incompressibleText(1 << 20))
	for size := len(noise); size > 0; size /= 4 {
		var err error
		for err == nil {
			_, err = f.Write(noise[:size])
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		_ = f.Sync() // as far as it goes
	}
}
