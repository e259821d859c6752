package jnserver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

// On a real file system over a device that refuses writes the page cache shows more than the medium has, and a later fsync
// says that all is well. This node tells, after a restart and without one, what the device has, and that is there after a
// power cut. That needs root and a mkfs.
func TestBlockDeviceThatRefusesWrites(t *testing.T) {
	for _, kind := range vfstest.FileSystems() {
		for _, how := range []struct{ restart, synced bool }{{}, {restart: true}, {synced: true}, {restart: true, synced: true}} {
			if raceEnabled && (!how.restart || how.synced) {
				continue // one way is enough: it is about the kernel, and nothing runs at the same time
			}
			t.Run(fmt.Sprintf("%s/restart=%t/O_DSYNC=%t", kind.Name, how.restart, how.synced), func(t *testing.T) {
				if kind.Options == "data=journal" {
					t.Skip("edits go to the file system's journal first, whose blocks nobody tells")
				}
				deviceRefuses(t, vfstest.NewDisk(t, kind), kind, how.restart, how.synced)
			})
		}
	}
}

func deviceRefuses(t *testing.T, d *vfstest.Disk, kind vfstest.FileSystem, restart, synced bool) {
	root := d.Dir + "/ns1"
	env := newEnv(vfs.OS(), noFetch)
	env.SyncedWrites = synced
	j, err := jnserver.OpenJournal(env, "ns1", root)
	must(t, err)
	defer func() { _ = j.Close() }()
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 1)
	must(t, j.StartLogSegment(w.info(), 1, layout))
	// The second block begins with a batch of its own: the loop driver reports a write as good that failed in its
	// middle, and this one must fail from its beginning.
	filling := frameOf(4, vfstest.Block-editlog.HeaderLen-3*frameLen)
	must(t, j.Write(w.info(), jnserver.Batch{Segment: 1, First: 1, Count: 4, Records: append(frames(1, 3), filling...)}))
	file := root + "/current/" + storage.InProgressName(1)
	const acked, last, blocks = 4, 1500, 256
	switch {
	case kind.Kind != "btrfs":
		d.Refuse(d.BlocksOf(file, 1, blocks))
	case kind.Options == "nodatacow":
		d.Refuse(d.DataBlocks(editlog.OpInvalid))
	default: // each write goes where nothing was before
		d.Refuse(d.DataBlocks(0))
	}
	if err := j.Write(w.info(), writes(1, 5, last)); err == nil {
		t.Fatal("a batch was acknowledged that the device refused")
	}
	wantLyingCache(t, file, last)
	d.Mend()
	if restart {
		must(t, j.Close())
		j, err = jnserver.OpenJournal(env, "ns1", root)
		must(t, err)
		defer func() { _ = j.Close() }()
	}
	w = newWriter(t, j, 2)
	answer, err := j.PrepareRecovery(w.info(), 1)
	must(t, err)
	there := d.Image()
	if answer.Segment == nil || answer.Segment.End != acked {
		t.Errorf("prepareRecovery tells %v, the device has it up to %d", answer.Segment, acked)
	}
	if shown, err := readSegment(t, j, 1); err != nil || shown.End != acked {
		t.Errorf("readers are shown up to %d, %v", shown.End, err)
	}
	must(t, j.FinalizeLogSegment(w.info(), 1, acked))
	must(t, j.StartLogSegment(w.info(), acked+1, layout))
	must(t, j.Write(w.info(), writes(acked+1, acked+1, last)))
	must(t, j.Close())

	d.PowerCut(there)
	j, err = jnserver.OpenJournal(env, "ns1", root)
	must(t, err)
	defer func() { _ = j.Close() }()
	after, err := j.PrepareRecovery(newWriter(t, j, 3).info(), 1)
	must(t, err)
	if after.Segment == nil || answer.Segment == nil || after.Segment.End != answer.Segment.End {
		t.Errorf("prepareRecovery told %v, a power cut left %v", answer.Segment, after.Segment)
	}
}

// wantLyingCache is the control: fsync succeeds and the cache shows all up to last.
func wantLyingCache(t *testing.T, file string, last storage.TxID) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer func() { _ = f.Close() }()
	err = f.Sync()
	if err != nil { // the kernel has tried once more by itself, and tells it once
		err = f.Sync()
	}
	if err != nil {
		t.Fatalf("a later fsync fails on this kernel: %v", err)
	}
	data, err := os.ReadFile(file)
	must(t, err)
	if scan, err := editlog.ScanSegment(bytes.NewReader(data), int64(len(data))); err != nil || scan.End != last {
		t.Fatalf("the cache shows up to %d, %v", scan.End, err)
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
