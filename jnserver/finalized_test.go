package jnserver_test

import (
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// A finalized segment that has lost transactions is kept, shows in health, is no source, and this node stays out of its
// recovery: absent or shorter than its name it would let committed edits vanish.
func TestFinalizedSegmentThatLostTransactions(t *testing.T) {
	for name, size := range map[string]int64{"all of them": 8, "the last one": int64(len(segmentFile(4, 7)))} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			env := newEnv(mem, fetchBytes(segmentFile(4, 8)))
			j, w := written(t, env)
			must(t, j.FinalizeLogSegment(w.info(), 4, 8))
			must(t, j.Close())
			cut(t, mem, "/data/jn/ns1/current/"+storage.FinalizedName(4, 8), size)

			j = openJournal(t, env)
			if bad := j.Snapshot().Bad; len(bad) != 1 || bad[0].First != 4 {
				t.Errorf("bad segments %v", bad)
			}
			if _, err := j.OpenSegment(4, true); err == nil {
				t.Error("the segment is offered to others")
			}
			last, ok, err := j.NewEpoch(fixtureInfo, 2, "10.0.0.1")
			if err != nil || !ok || last != 4 {
				t.Errorf("newEpoch answers segment %d, %t, %v; want 4", last, ok, err)
			}
			w = &writer{epoch: 2}
			_, err = j.PrepareRecovery(w.info(), 4)
			wantError(t, err, javaerr.IOException, "takes no part")
			err = j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 8}, "x")
			wantError(t, err, javaerr.IOException, "takes no part")
		})
	}
}
