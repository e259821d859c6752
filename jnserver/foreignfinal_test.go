package jnserver_test

import (
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// A segment that another process finalized, as Java does without a sync, is on the disk before a recovery is told of it: also
// if that process had a failed sync, after which the cache goes on showing what the disk lacks.
func TestFinalizedByAnother(t *testing.T) {
	for name, c := range map[string]struct{ refused, last bool }{
		"never synced":                  {last: true},
		"its sync failed":               {refused: true, last: true},
		"never synced, and not last":    {},
		"its sync failed, and not last": {refused: true},
	} {
		refused, last := c.refused, c.last
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			j, _ := written(t, newEnv(mem, noFetch))
			must(t, j.Close())
			segment := journalRoot + "/current/" + storage.FinalizedName(9, 20)
			if refused {
				mem.SetMedium(vfs.MediumDirect)
			}
			other := vfs.Inject(mem, func(op vfs.Op) error {
				if refused && op.Kind == "sync" {
					return &vfs.Lost{Err: errDisk}
				}
				return nil
			})
			writeTo(t, other, segment, segmentFile(9, 20))
			if refused {
				f, err := other.OpenFile(segment, 0, 0)
				must(t, err)
				if err := f.Sync(); err == nil {
					t.Fatal("the sync was to fail")
				}
				must(t, f.Close())
			}

			if !last { // newEpoch looks at the last one, and only prepareRecovery at this
				writeTo(t, mem, journalRoot+"/current/"+storage.FinalizedName(21, 22), segmentFile(21, 22))
			}
			j, err := jnserver.OpenJournal(newEnv(mem, noFetch), "ns1", journalRoot)
			must(t, err)
			t.Cleanup(func() { _ = j.Close() })
			w := newWriter(t, j, 2)
			answer, err := j.PrepareRecovery(w.info(), 9)
			left := mem.CrashClone(nil)
			switch {
			case refused:
				if err == nil {
					t.Errorf("told %v, of which the disk has nothing", answer.Segment)
				}
				if s := j.Snapshot(); len(s.Bad) != 1 || s.Bad[0].First != 9 {
					t.Errorf("bad segments: %+v", s.Bad)
				}
			case err != nil:
				t.Error(err)
			case answer.Segment == nil || answer.Segment.End != 20:
				t.Errorf("told %v", answer.Segment)
			case !has(t, left, segment):
				t.Errorf("told %v, and a power cut takes the file back", answer.Segment)
			default:
				if got := len(readFrom(t, left, segment)); got != len(segmentFile(9, 20)) {
					t.Errorf("told %v, and a power cut leaves %d bytes", answer.Segment, got)
				}
			}
		})
	}
}
