package storage_test

import (
	"testing"

	"gojn/storage/editlog"
)

// TestLatestSegmentKeepsDamage: a segment that begins with damage, a good frame after it, is no empty one (spec 2.6 GO).
func TestLatestSegmentKeepsDamage(t *testing.T) {
	damaged := []byte(segmentFile(99, 101))
	damaged[8+13] ^= 1 // in the body of txid 99
	mem := newDisk(t).served("3.4.2").put(inProgress(99), string(damaged)).settled()
	s, scan, ok, err := mustOpen(t, mem).LatestSegment()
	if err != nil || !ok || s.First != 99 || scan.Tail != editlog.TailDamaged || scan.HasTxns() {
		t.Errorf("latest %v %+v %v %v", s, scan, ok, err)
	}
	if !has(t, mem, rootDir+"/"+inProgress(99)) {
		t.Error("the damaged segment was set aside")
	}
}

// TestLatestSegmentKeepsFinalized: a finalized segment without transactions lost committed ones. Java renames it to .empty
// and then knows nothing of them.
func TestLatestSegmentKeepsFinalized(t *testing.T) {
	for name, content := range map[string]string{
		"header only":  segmentFile(10, 9),
		"cut to zero":  "",
		"only padding": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			d := formatted(t)
			d.put(finalized(10, 14), content)
			mem := d.settled()
			s, scan, ok, err := mustOpen(t, mem).LatestSegment()
			must(t, err)
			if !ok || s.First != 10 || s.Last != 14 || scan.HasTxns() {
				t.Errorf("latest %+v, %t, %+v", s, ok, scan)
			}
			if !has(t, mem, rootDir+"/"+finalized(10, 14)) {
				t.Error("the finalized file was set aside")
			}
		})
	}
}
