package storage_test

import (
	"errors"
	"path"
	"syscall"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

var oldRecord = storage.PaxosRecord{Start: 7, End: 8, InProgress: true, AcceptedIn: 5}

// TestToldRecordIsDurable: a change of a record failed at its last sync, so that a power cut may take it back. Whoever asks for
// the record then is told what that power cut leaves, or that the disk fails.
func TestToldRecordIsDurable(t *testing.T) {
	change := map[string]func(d *storage.Dir) error{
		"written":  func(d *storage.Dir) error { return d.SetPaxos(storage.PaxosRecord{Start: 1, End: 6, AcceptedIn: 6}) },
		"replaced": func(d *storage.Dir) error { return d.SetPaxos(storage.PaxosRecord{Start: 7, End: 9, AcceptedIn: 6}) },
		"removed":  func(d *storage.Dir) error { return d.DeletePaxos(7) },
		"purged":   func(d *storage.Dir) error { _, err := d.Purge(10, 7); return err },
		"discarded": func(d *storage.Dir) error {
			_, err := d.Discard(7)
			return err
		},
	}
	for name, do := range change {
		t.Run(name, func(t *testing.T) {
			mem := formatted(t).settled()
			failing := false
			d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
				if failing && op.Kind == "syncdir" && path.Base(op.Path) == "paxos" {
					return syscall.EIO
				}
				return nil
			}))
			must(t, d.SetPaxos(oldRecord))
			failing = true
			if err := do(d); !errors.Is(err, syscall.EIO) {
				t.Fatalf("the change: %v", err)
			}
			for _, first := range []storage.TxID{1, 7} {
				if r, ok, err := d.Paxos(first); !errors.Is(err, syscall.EIO) {
					t.Errorf("while the disk fails: %+v %v %v", r, ok, err)
				}
			}
			failing = false
			for _, first := range []storage.TxID{1, 7} {
				r, ok, err := d.Paxos(first)
				must(t, err)
				left, leftOK, err := mustOpen(t, mem.CrashClone(nil)).Paxos(first)
				must(t, err)
				if r != left || ok != leftOK {
					t.Errorf("told %+v %v, a power cut leaves %+v %v", r, ok, left, leftOK)
				}
			}
		})
	}
}

// TestRecordInNewPaxosDir: the directory of the records was made, but its sync failed. The next record waits until it lasts.
func TestRecordInNewPaxosDir(t *testing.T) {
	mem := formatted(t).remove("current/paxos").settled()
	d, failing := failingAt(t, mem, "syncdir", "current")
	*failing = true
	if err := d.SetPaxos(oldRecord); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the directory: %v", err)
	}
	*failing = false
	must(t, d.SetPaxos(oldRecord))
	if r, ok, err := mustOpen(t, mem.CrashClone(nil)).Paxos(7); err != nil || !ok || r != oldRecord {
		t.Errorf("a power cut leaves %+v %v %v", r, ok, err)
	}
}
