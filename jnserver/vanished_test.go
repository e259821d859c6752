package jnserver_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// TestVanishedIsNotForgotten: that a finalized segment was removed may be found by whatever lists the directory first, in the
// middle of another call too. It is told once, and the node abstains from its recovery until its file is there again, whatever
// was purged or upgraded meanwhile.
func TestVanishedIsNotForgotten(t *testing.T) {
	upgraded := fixtureInfo
	upgraded.CTime++
	for name, found := range map[string]func(t *testing.T, j *jnserver.Journal, w *writer, full *bool){
		"by a start that finds no space": func(t *testing.T, j *jnserver.Journal, w *writer, full *bool) {
			*full = true
			wantError(t, j.StartLogSegment(w.info(), 9, layout), javaerr.IOException, "no space")
			*full = false
		},
		"by a recovery, the listing was left over": func(t *testing.T, j *jnserver.Journal, w *writer, full *bool) {
			must(t, j.StartLogSegment(w.info(), 9, layout))
			must(t, j.Write(w.info(), writes(9, 9, 9)))
			*full = true
			if err := j.PurgeLogsOlderThan(w.info(), 4); err == nil {
				t.Error("purged without its sync")
			}
			*full = false
		},
		"by an upgrade": func(t *testing.T, j *jnserver.Journal, _ *writer, _ *bool) {
			must(t, j.DoPreUpgrade())
			must(t, j.DoUpgrade(upgraded))
		},
		"by the end of an upgrade": func(t *testing.T, j *jnserver.Journal, _ *writer, _ *bool) { must(t, j.DoPreUpgrade()) },
		"before a purge below its end": func(t *testing.T, j *jnserver.Journal, w *writer, _ *bool) {
			must(t, j.DropVanished(t.Context()))
			must(t, j.PurgeLogsOlderThan(w.info(), 6))
		},
		"by a purge below its end": func(t *testing.T, j *jnserver.Journal, w *writer, full *bool) {
			*full = true
			wantError(t, j.StartLogSegment(w.info(), 9, layout), javaerr.IOException, "no space")
			*full = false
			must(t, j.PurgeLogsOlderThan(w.info(), 6))
		},
		"before a discard behind it": func(t *testing.T, j *jnserver.Journal, _ *writer, _ *bool) {
			must(t, j.DropVanished(t.Context()))
			must(t, j.DiscardSegments(9))
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem, full, gone := vfs.NewMem(), false, ""
			env := newEnv(vfs.Inject(mem, func(op vfs.Op) error {
				if !full || !strings.HasPrefix(op.Path, journalRoot+"/current") {
					return nil
				}
				if op.Kind == "writeat" && strings.Contains(op.Path, "edits_inprogress") || op.Kind == "syncdir" && gone == "" {
					return errFull
				}
				return nil
			}), noFetch)
			told := make(map[string]int)
			env.Events = func(_ string, e jnserver.Event) { told[fmt.Sprintf("%T", e)]++ }
			j, w := written(t, env)
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			file := journalRoot + "/current/" + storage.FinalizedName(4, 8)
			w.committed = 8
			late := strings.Contains(name, "left over") // it goes behind the call that failed
			if !late {
				gone = file
				must(t, mem.Rename(file, "/kept"))
			}
			found(t, j, w, &full)
			if late {
				must(t, mem.Rename(file, "/kept"))
			} else {
				must(t, j.DropVanished(t.Context()))
				newWriter(t, j, 2)
			}
			w.epoch = 3
			_, err := j.PrepareRecovery(w.info(), 4)
			wantError(t, err, javaerr.IOException, "acknowledged txid 8")
			if n := told["jnserver.SegmentsVanished"]; n != 1 {
				t.Errorf("told %d times that it is gone", n)
			}
			must(t, mem.Rename("/kept", file))
			must(t, j.DropVanished(t.Context()))
			answer, err := j.PrepareRecovery(w.info(), 4)
			if want := (jnserver.SegmentState{Start: 4, End: 8}); err != nil || answer.Segment == nil || *answer.Segment != want {
				t.Errorf("put back: recovery is answered %+v, %v, want %v", answer, err, want)
			}
			if n := told["jnserver.SegmentsBack"]; n != 1 || len(j.Snapshot().Bad) != 0 {
				t.Errorf("told %d times that it is back, bad %v", n, j.Snapshot().Bad)
			}
		})
	}
}

// TestReturnedSegmentIsReadBesideTheWriter: what somebody puts back is read while the writer goes on, and a file that cannot be
// read does not even take the lock.
func TestReturnedSegmentIsReadBesideTheWriter(t *testing.T) {
	for name, readable := range map[string]bool{"good": true, "bad sector": false} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			file := journalRoot + "/current/" + storage.FinalizedName(1, 3)
			reading, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			j, w := written(t, newEnv(vfs.Inject(mem, func(op vfs.Op) error {
				if op.Path == file && op.Kind == "readmedium" {
					once.Do(func() { close(reading) })
					<-goOn
					if !readable {
						return errDisk
					}
				}
				return nil
			}), noFetch))
			must(t, mem.Rename(file, "/kept"))
			must(t, j.DropVanished(t.Context()))
			must(t, mem.Rename("/kept", file))
			round := make(chan error, 1)
			go func() { round <- j.DropVanished(t.Context()) }()
			<-reading
			written := make(chan error, 1)
			go func() { written <- j.Write(w.info(), writes(4, 9, 9)) }()
			select {
			case err := <-written:
				must(t, err)
			case <-time.After(30 * time.Second):
				t.Error("the writer waits for what is read")
			}
			close(goOn)
			must(t, <-round)
			if segments := j.Snapshot().Segments; (len(segments) == 2) != readable {
				t.Errorf("segments %v", segments)
			}
		})
	}
}
