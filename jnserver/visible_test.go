package jnserver_test

import (
	"syscall"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// What /getJournal sends of the segment that is being written is looked at before every operation of the disk: it is never
// more than what was answered, and so durable here or known to be committed (HDFS-17710).
func TestReadersSeeWhatWasAnswered(t *testing.T) {
	for name, synced := range map[string]bool{"fdatasync": false, "O_DSYNC": true} {
		t.Run(name, func(t *testing.T) {
			var (
				j      *jnserver.Journal
				fail   string // the kind of operation that fails on the segment
				told   storage.TxID
				within bool
				looked int
			)
			look := func(when string) {
				for _, first := range []storage.TxID{4, 20} {
					scan, err := readSegment(t, j, first)
					if err == nil && scan.HasTxns() && scan.End > told {
						t.Errorf("%s: a reader sees txid %d, answered is %d", when, scan.End, told)
					}
					if err == nil && scan.HasTxns() {
						looked++
					}
				}
			}
			fs := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
				if j == nil || within {
					return nil
				}
				within = true
				look(op.Kind)
				within = false
				if op.Kind == fail {
					return syscall.EIO
				}
				return nil
			})
			env := newEnv(fs, noFetch)
			env.SyncedWrites = synced
			opened, w := written(t, env)
			told = 8
			j = opened
			write := func(last storage.TxID) {
				t.Helper()
				must(t, j.Write(w.info(), writes(4, told+1, last)))
				told = last
				if scan, err := readSegment(t, j, 4); err != nil || scan.End != last {
					t.Errorf("answered is %d, a reader sees %d, %v", last, scan.End, err)
				}
			}
			write(9)
			w.committed = 12
			write(12) // lagging: not synced, and visible
			write(13)
			fail = "writeat"
			if err := j.Write(w.info(), writes(4, 14, 15)); err == nil {
				t.Fatal("a failed write was answered")
			}
			fail = ""
			if scan, err := readSegment(t, j, 4); err != nil || scan.End != 13 {
				t.Errorf("after a failed write a reader sees %d, %v", scan.End, err)
			}
			w = newWriter(t, j, w.epoch+1)
			if scan, err := readSegment(t, j, 4); err != nil || scan.End != 13 {
				t.Errorf("in the next epoch a reader sees %d, %v", scan.End, err)
			}
			must(t, j.FinalizeLogSegment(w.info(), 4, 13))
			// A segment that is begun anew: readers of the first file see nothing of the second one's writing.
			must(t, j.StartLogSegment(w.info(), 20, layout))
			must(t, j.Write(w.info(), writes(20, 20, 20)))
			told = 20
			must(t, j.StartLogSegment(w.info(), 20, layout))
			told = 13
			must(t, j.Write(w.info(), writes(20, 20, 20)))
			told = 20
			if looked < 20 {
				t.Errorf("looked at %d segments only", looked)
			}
		})
	}
}
