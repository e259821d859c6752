package jnserver_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// A segment that this process has written and synced is read through the page cache. If that fails, as its pages were given up
// and the sectors are bad, or as somebody has removed the file, it is in doubt like any other: the node asks for its recovery,
// abstains from it, says so, and takes a copy.
func TestSoundSegmentThatCannotBeRead(t *testing.T) {
	for name, lose := range map[string]func(mem *vfs.Mem, bad *atomic.Bool){
		"bad sector": func(_ *vfs.Mem, bad *atomic.Bool) { bad.Store(true) },
		"removed":    func(mem *vfs.Mem, _ *atomic.Bool) { must(t, mem.Remove(inProgressPath)) },
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			var bad atomic.Bool
			j, _ := written(t, newEnv(vfs.Inject(mem, func(op vfs.Op) error {
				if bad.Load() && op.Path == inProgressPath && strings.HasPrefix(op.Kind, "read") {
					return errDisk
				}
				return nil
			}), fetchBytes(segmentFile(4, 8))))
			lose(mem, &bad)
			last, ok, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1")
			if err != nil || !ok || last != 4 {
				t.Errorf("newEpoch answers segment %d, %t, %v; want 4, which was written here", last, ok, err)
			}
			told := j.Snapshot().Bad
			if len(told) != 1 || told[0].First != 4 || told[0].Name != storage.InProgressName(4) {
				t.Errorf("bad segments %v", told)
			}
			w := &writer{epoch: 2}
			for range 2 {
				if answer, err := j.PrepareRecovery(w.info(), 4); err == nil {
					t.Errorf("prepareRecovery answers %+v", answer)
				}
			}
			accept := jnserver.SegmentState{Start: 4, End: 8, InProgress: true}
			must(t, j.AcceptRecovery(t.Context(), w.info(), accept, "x"))
			bad.Store(false) // the copy lies elsewhere
			answer, err := j.PrepareRecovery(w.info(), 4)
			if err != nil || answer.Segment == nil || *answer.Segment != accept {
				t.Errorf("prepareRecovery answers %+v, %v, want %v", answer, err, accept)
			}
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			if told := j.Snapshot().Bad; len(told) != 0 {
				t.Errorf("still bad after the repair: %v", told)
			}
		})
	}
}

// A segment that this process has finalized is not scanned again for a recovery; but its file must be there. This node counts for
// no quorum of edits that it does not have, and takes a copy of them.
func TestRemovedFinalizedSegmentCountsForNothing(t *testing.T) {
	whole := jnserver.SegmentState{Start: 4, End: 8}
	prepare := func(j *jnserver.Journal, w *writer) error {
		_, err := j.PrepareRecovery(w.info(), 4)
		return err
	}
	for name, c := range map[string]struct {
		call  func(j *jnserver.Journal, w *writer) error
		heals bool // by a copy
	}{
		"prepareRecovery":    {prepare, false},
		"finalizeLogSegment": {func(j *jnserver.Journal, w *writer) error { return j.FinalizeLogSegment(w.info(), 4, 8) }, false},
		"acceptRecovery":     {func(j *jnserver.Journal, w *writer) error { return j.AcceptRecovery(t.Context(), w.info(), whole, "x") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			downloads := 0
			fetch := fetchBytes(segmentFile(4, 8))
			j, w := written(t, newEnv(mem, fetchFunc(func(ctx context.Context, url string, dst io.Writer) (int64, error) {
				downloads++
				return fetch(ctx, url, dst)
			})))
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			must(t, c.call(j, w))
			file := journalRoot + "/current/" + storage.FinalizedName(4, 8)
			must(t, mem.Rename(file, "/kept"))
			if c.heals {
				must(t, c.call(j, w))
			} else {
				for range 2 {
					if err := c.call(j, w); err == nil {
						t.Errorf("it is gone, and the call answers %v", err)
					}
				}
			}
			if healed := downloads == 1; healed != c.heals {
				t.Errorf("%d copies were fetched", downloads)
			}
			if last, ok, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1"); err != nil || !ok || last != 4 {
				t.Errorf("newEpoch answers segment %d, %t, %v; want 4", last, ok, err)
			}
			next := &writer{epoch: 2}
			if !c.heals {
				if err := prepare(j, next); err == nil {
					t.Error("it is gone, and prepareRecovery answers")
				}
				if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].Name != storage.FinalizedName(4, 8) {
					t.Errorf("bad segments %v", bad)
				}
				must(t, mem.Rename("/kept", file))
				must(t, j.DropVanished(t.Context()))
			}
			must(t, prepare(j, next))
			must(t, j.AcceptRecovery(t.Context(), next.info(), whole, "x"))
			must(t, j.FinalizeLogSegment(next.info(), 4, 8))
			if _, err := mem.Stat(file); err != nil {
				t.Error(err)
			}
			if bad := j.Snapshot().Bad; len(bad) != 0 {
				t.Errorf("it is here, and bad: %v", bad)
			}
		})
	}
}

// TestSegmentThatCannotBeOpened: for want of descriptors, say: that says nothing of the segment, and passes.
func TestSegmentThatCannotBeOpened(t *testing.T) {
	mem := vfs.NewMem()
	var full atomic.Bool
	j, _ := written(t, newEnv(vfs.Inject(mem, func(op vfs.Op) error {
		if full.Load() && op.Path == inProgressPath && op.Kind == "open" {
			return syscall.EMFILE
		}
		return nil
	}), nil))
	full.Store(true)
	if _, _, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1"); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("newEpoch answers %v", err)
	}
	full.Store(false)
	if bad := j.Snapshot().Bad; len(bad) != 0 {
		t.Errorf("bad segments %v", bad)
	}
	if last, ok, err := j.NewEpoch(fixtureInfo, 3, "10.0.0.1"); err != nil || !ok || last != 4 {
		t.Errorf("newEpoch answers segment %d, %t, %v; want 4", last, ok, err)
	}
}
