package storage_test

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

// TestNothingIsChangedWithoutTheLock: the root was missing when the first Dir was opened, or not usable, and belongs to
// somebody else by now. What is refused by what is on the disk keeps Java's words.
func TestNothingIsChangedWithoutTheLock(t *testing.T) {
	calls := map[string]func(d *storage.Dir) error{
		"PreUpgrade":       (*storage.Dir).PreUpgrade,
		"Upgrade":          func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) },
		"FinalizeUpgrade":  (*storage.Dir).FinalizeUpgrade,
		"Rollback":         rollback,
		"SetPromisedEpoch": func(d *storage.Dir) error { return d.SetPromisedEpoch(99) },
		"SetWriterEpoch":   func(d *storage.Dir) error { return d.SetWriterEpoch(99) },
		"SetCommitted":     func(d *storage.Dir) error { return d.SetCommitted(99) },
		"SetPaxos":         func(d *storage.Dir) error { return d.SetPaxos(storage.PaxosRecord{Start: 99, End: 99}) },
		"DeletePaxos":      func(d *storage.Dir) error { return d.DeletePaxos(7) },
		"StartSegment":     func(d *storage.Dir) error { _, err := d.StartSegment(99, -67); return err },
		"Finalize":         func(d *storage.Dir) error { return d.Finalize(openSegment, 9) },
		"SetAside":         func(d *storage.Dir) error { return d.SetAside(openSegment, storage.SuffixStale) },
		"Discard":          func(d *storage.Dir) error { _, err := d.Discard(1); return err },
		"Purge":            func(d *storage.Dir) error { _, err := d.Purge(100, storage.InvalidTxID); return err },
		"CreateDownload":   func(d *storage.Dir) error { _, err := d.CreateDownload(7, 5); return err },
		"CompleteAccept": func(d *storage.Dir) error {
			_, err := d.CompleteAccept(storage.PaxosRecord{Start: 7, End: 9, AcceptedIn: 5})
			return err
		},
	}
	disks := map[string]struct {
		make  func(d *disk)
		extra []string // calls that the content of the disk refuses anyway, or that have nothing to do there
	}{
		"formatted": {func(*disk) {}, []string{"Upgrade", "FinalizeUpgrade", "Rollback"}},
		"between PreUpgrade and Upgrade": {func(d *disk) { d.copyDir("current", "previous.tmp").remove("current/VERSION") },
			[]string{"PreUpgrade", "FinalizeUpgrade", "Rollback"}},
		"upgraded":       {func(d *disk) { d.copyDir("current", "previous") }, []string{"PreUpgrade", "Upgrade"}},
		"half finalized": {func(d *disk) { d.copyDir("current", "finalized.tmp") }, []string{"Upgrade", "Rollback"}},
	}
	opened := map[string]func(t *testing.T, mem *vfs.Mem, hidden *bool) *storage.Dir{
		"missing": func(t *testing.T, mem *vfs.Mem, hidden *bool) *storage.Dir {
			return mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
				if *hidden && op.Kind == "stat" {
					return fs.ErrNotExist
				}
				return nil
			}))
		},
		"unusable": func(t *testing.T, mem *vfs.Mem, hidden *bool) *storage.Dir {
			return mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
				if *hidden && op.Kind == "access" {
					return fs.ErrPermission
				}
				return nil
			}))
		},
	}
	for diskName, on := range disks {
		for openName, open := range opened {
			for callName, call := range calls {
				t.Run(diskName+"/"+openName+"/"+callName, func(t *testing.T) {
					made := formatted(t).put("current/"+storage.DownloadName(7, 5), segmentFile(7, 9)).put("current/paxos/7", "x")
					on.make(made)
					mem := made.settled()
					hidden := true
					d := open(t, mem, &hidden)
					hidden = false
					before := tree(t, mem, rootDir)
					err := call(d)
					if after := tree(t, mem, rootDir); !maps.Equal(before, after) {
						t.Errorf("the directory was changed: %v", slices.Sorted(maps.Keys(after)))
					}
					if d.State() != storage.NonExistent {
						t.Errorf("state %v", d.State())
					}
					if slices.Contains(on.extra, callName) {
						return
					}
					if callName == "Discard" {
						wantError(t, err, javaerr.IOException, "Invalid directory or I/O error occurred for dir: "+currentDir)
						return
					}
					wantError(t, err, javaerr.IOException, "Directory "+rootDir+" is not locked by this journal and not formatted")
					if openName == "unusable" && !errors.Is(err, fs.ErrPermission) {
						t.Errorf("does not say why: %v", err)
					}
				})
			}
		}
	}
}

var openSegment = storage.Segment{First: 7, Last: storage.InvalidTxID, InProgress: true, Name: storage.InProgressName(7)}

// TestUpgradeFamilyWithoutARoot keeps Java's answers for a journal of which there is nothing.
func TestUpgradeFamilyWithoutARoot(t *testing.T) {
	mem := vfs.NewMem()
	d := mustOpen(t, mem)
	wantError(t, d.PreUpgrade(), javaerr.IllegalState, "Current directory must exist for preupgrade.")
	wantError(t, d.Upgrade(upgradedInfo), javaerr.IllegalState, "previous.tmp directory must exist for upgrade.")
	must(t, d.FinalizeUpgrade())
	if ok, err := d.Rollback(); ok || err != nil {
		t.Errorf("rollback %v %v", ok, err)
	}
	if got := names(t, mem, "/"); len(got) != 0 {
		t.Errorf("created %v", got)
	}
}

// TestNothingIsChangedAfterClose: somebody else may hold the lock by then.
func TestNothingIsChangedAfterClose(t *testing.T) {
	mem := formatted(t).settled()
	d := mustOpen(t, mem)
	must(t, d.Close())
	before := tree(t, mem, rootDir)
	const words = "Directory " + rootDir + " is not locked by this journal"
	wantError(t, d.PreUpgrade(), javaerr.IOException, words)
	wantError(t, d.SetCommitted(99), javaerr.IOException, words)
	_, err := d.Discard(4)
	wantError(t, err, javaerr.IOException, words)
	if after := tree(t, mem, rootDir); !maps.Equal(before, after) {
		t.Error("the directory was changed")
	}
}
